//! The table as a picture: a line for each row, a dot for each engine, on a logarithmic scale with bbolt at 1.

use crate::engines::{BBOLT, LIBBOLT};
use crate::report::Report;
use std::fmt::Write;

const WIDTH: f64 = 1020.0;
const LEFT: f64 = 430.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;
const LINE_HEIGHT: f64 = 26.0;
/// The scale ends at 2 to this; what is slower stands at its end, with its number.
const LOW_MIN: i32 = -4;

/// Colours that people who see few colours can tell apart, with shapes beside them.
const COLOURS: [(&str, &str); 8] = [
    (LIBBOLT, "#d55e00"),
    (BBOLT, "#000000"),
    ("lmdb", "#0072b2"),
    ("libmdbx", "#56b4e9"),
    ("redb", "#cc79a7"),
    ("sanakirja", "#009e73"),
    ("sqlite", "#999999"),
    ("fjall", "#e69f00"),
];

pub fn colour(engine: &str) -> &'static str {
    COLOURS.iter().find(|(name, _)| *name == engine).map_or("#666666", |(_, colour)| colour)
}

fn mark(out: &mut String, engine: &str, x: f64, y: f64) {
    let colour = colour(engine);
    let _ = match engine {
        LIBBOLT => writeln!(
            out,
            "<path d='M{:.1} {y:.1}l7 -7l7 7l-7 7z' fill='{colour}' stroke='#ffffff'/>",
            x - 7.0
        ),
        BBOLT => writeln!(out, "<path d='M{x:.1} {:.1}v14' stroke='{colour}' stroke-width='3'/>", y - 7.0),
        "sqlite" | "fjall" => writeln!(
            out,
            "<rect x='{:.1}' y='{:.1}' width='8' height='8' fill='{colour}' fill-opacity='0.85'/>",
            x - 4.0,
            y - 4.0
        ),
        _ => writeln!(out, "<circle cx='{x:.1}' cy='{y:.1}' r='5' fill='{colour}' fill-opacity='0.85'/>"),
    };
}

/// The next power of two outside of all ratios, in both directions, as far as the scale goes.
fn bounds(report: &Report) -> (i32, i32) {
    let (mut low, mut high) = (-1, 1);
    for (line, _) in report.lines() {
        for engine in report.engines() {
            if let Some(ratio) = report.ratio(engine, line).filter(|ratio| *ratio > 0.0) {
                low = low.min(ratio.log2().floor() as i32).max(LOW_MIN);
                high = high.max(ratio.log2().ceil() as i32);
            }
        }
    }
    (low, high)
}

/// Names those that stand at the end of the scale.
fn slower_than_scale(out: &mut String, report: &Report, line: &str, low: i32, y: f64) {
    let slower = report.engines().iter().filter_map(|engine| {
        let ratio = report.ratio(engine, line).filter(|ratio| ratio.log2() < f64::from(low))?;
        Some(format!("{engine} {ratio:.3}"))
    });
    let text = slower.collect::<Vec<_>>().join(", ");
    if !text.is_empty() {
        let _ = writeln!(
            out,
            "<text x='{:.1}' y='{:.1}' font-size='11' fill='#444444'>{text}</text>",
            LEFT + 10.0,
            y + 4.0
        );
    }
}

/// The picture, or none where bbolt was not measured.
pub fn svg(report: &Report, caption: &str) -> Option<String> {
    if !report.engines().contains(&BBOLT) {
        return None;
    }
    let lines = report.lines();
    let height = TOP + LINE_HEIGHT * lines.len() as f64 + 46.0;
    let bottom = height - 40.0;
    let (low, high) = bounds(report);
    let scale = (WIDTH - LEFT - RIGHT) / f64::from(high - low);
    let x_of = |ratio: f64| LEFT + (ratio.log2() - f64::from(low)) * scale;
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' \
         font-size='13'>\n<title>Speed beside bbolt</title>\n<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>\n"
    );
    let _ = writeln!(out, "<text x='12' y='22' font-size='15'>Speed beside bbolt (1): more is faster</text>");
    let mut x = 16.0;
    for engine in report.engines() {
        mark(&mut out, engine, x, 44.0);
        let _ = writeln!(out, "<text x='{:.1}' y='48'>{engine}</text>", x + 12.0);
        x += 36.0 + 8.0 * engine.len() as f64;
    }
    for power in low..=high {
        let x = x_of(f64::from(power).exp2());
        let stroke = if power == 0 { "#888888" } else { "#e2e2e2" };
        let _ = writeln!(out, "<path d='M{x:.1} {TOP}V{bottom:.1}' stroke='{stroke}'/>");
        let label = if power < 0 { format!("1/{}", 1 << -power) } else { format!("{}", 1 << power) };
        let _ =
            writeln!(out, "<text x='{x:.1}' y='{:.1}' text-anchor='middle'>{label}</text>", bottom + 18.0);
    }
    for (place, (line, title)) in lines.iter().enumerate() {
        let y = TOP + LINE_HEIGHT * (place as f64 + 0.5);
        let _ = writeln!(
            out,
            "<text x='12' y='{:.1}'><tspan font-weight='bold'>{line}</tspan> {title}</text>",
            y + 4.0
        );
        let _ = writeln!(out, "<path d='M{LEFT} {y:.1}H{:.1}' stroke='#f2f2f2'/>", WIDTH - RIGHT);
        // libbolt last, so that it lies above the others.
        for engine in report.engines().iter().rev() {
            if let Some(ratio) = report.ratio(engine, line) {
                mark(&mut out, engine, x_of(ratio).max(LEFT), y);
            }
        }
        slower_than_scale(&mut out, report, line, low, y);
    }
    let _ =
        writeln!(out, "<text x='12' y='{:.1}' font-size='11' fill='#666666'>{caption}</text>", height - 6.0);
    out.push_str("</svg>\n");
    Some(out)
}
