//! Another library in Rust, as a static archive: it catches a panic of its own, so its stack is unwound.

#[unsafe(no_mangle)]
pub extern "C" fn other_catches(number: u32) -> u32 {
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| {
        let text = format!("{number}");
        if text.len() > 1 { std::panic::panic_any(text.len() as u32) } else { 0 }
    });
    caught.unwrap_or_else(|panic| panic.downcast_ref::<u32>().copied().unwrap_or(0))
}
