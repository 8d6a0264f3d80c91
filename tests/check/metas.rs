//! Damage to the meta pages.

use super::*;

#[test]
fn one_damaged_meta_is_a_warning() {
    for slot in [0, 1] {
        let (mut image, _) = sound();
        image.page_mut(slot)[60] ^= 1;
        let findings = image.findings();
        assert_eq!(findings.len(), 1);
        assert!(has(&findings, Severity::Warning, Code::MetaDamaged, slot), "{findings:?}");
    }
}

#[test]
fn each_way_in_which_a_meta_is_damaged_has_its_own_words() {
    let older = 1 - SOUND.newest().1;
    for (offset, value, words) in
        [(16, 1, "magic"), (20, 3, "version is 3"), (24, 4096, "checksum"), (16, 0xDACD0CED, "order")]
    {
        let (mut image, _) = sound();
        let value = if words == "order" { 0xED0C_DAED_u32.swap_bytes() } else { value };
        image.set_u32(older, offset, value);
        let findings = image.findings();
        assert!(findings.len() == 1 && findings[0].text.contains(words), "{words}: {findings:?}");
    }
}

#[test]
fn a_meta_with_another_page_size_is_damaged() {
    let (mut image, _) = sound();
    let newest = image.meta();
    let other = Meta { page_size: 2048, txid: newest.txid - 1, ..newest };
    for (slot, meta) in [(0, newest), (1, other)] {
        let bytes = meta.encode(slot);
        image.page_mut(slot)[..bytes.len()].copy_from_slice(&bytes);
    }
    assert_eq!(image.codes(), [(Code::MetaDamaged, 1)]);
}

#[test]
fn two_metas_damaged_since_the_opening_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = copy_of("etcd.db", dir.path());
    let db = Db::open(&path, &Options { read_only: true, ..common::options() }).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    bytes[4096 + 60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let findings = findings_of(&db, CheckOptions::default());
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(has(&findings, Severity::Error, Code::MetaDamaged, 0));
    assert!(has(&findings, Severity::Error, Code::MetaDamaged, 1));
}

#[test]
fn a_meta_page_with_another_id_or_kind_is_a_warning() {
    for slot in [0, 1] {
        let (mut image, _) = sound();
        image.set_u64(slot, ID, 7);
        let findings = image.findings();
        assert!(has(&findings, Severity::Warning, Code::MetaHeader, slot), "{findings:?}");
        image.set_u64(slot, ID, slot);
        image.set_u16(slot, KIND, LEAF);
        assert_eq!(image.codes(), [(Code::MetaHeader, slot)]);
    }
}

#[test]
fn a_root_or_a_list_that_no_opening_accepts_is_not_reached() {
    let damages: [fn(&mut Meta); 4] = [
        |meta| meta.root = 0,
        |meta| meta.root = meta.high_water,
        |meta| meta.freelist = 1,
        |meta| meta.high_water += 1 << 30,
    ];
    for damage in damages {
        let (mut image, _) = sound();
        image.edit_meta(damage);
        assert!(image.open().is_err());
    }
}
