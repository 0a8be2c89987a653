//! Names of Unicode classes, spelled as RE2 spells them: no aliases, no other case.

/// The most instructions that RE2 compiles `\p{name}` or `\P{name}` to, with or without `(?i)`; `None` when the name
/// means nothing to it.
pub(super) fn instructions(name: &str) -> Option<u32> {
    let (_, instructions) = CLASSES.iter().find(|(known, _)| *known == name)?;
    Some(*instructions)
}

/// General categories, scripts and `Any`. The numbers are RE2's own, of release 2025-11-05 (Unicode 15.1): the least
/// memory with which it compiles each, in instructions.
#[rustfmt::skip]
const CLASSES: [(&str, u32); 200] = [
    ("Adlam", 33), ("Ahom", 34), ("Anatolian_Hieroglyphs", 29), ("Any", 10), ("Arabic", 174),
    ("Armenian", 42), ("Avestan", 27), ("Balinese", 29), ("Bamum", 42), ("Bassa_Vah", 33), ("Batak", 27),
    ("Bengali", 51), ("Bhaiksuki", 36), ("Bopomofo", 43), ("Brahmi", 29), ("Braille", 26), ("Buginese", 29),
    ("Buhid", 27), ("C", 163), ("Canadian_Aboriginal", 41), ("Carian", 30), ("Caucasian_Albanian", 32),
    ("Cc", 22), ("Cf", 157), ("Chakma", 32), ("Cham", 36), ("Cherokee", 42), ("Chorasmian", 28), ("Co", 30),
    ("Common", 579), ("Coptic", 36), ("Cs", 24), ("Cuneiform", 37), ("Cypriot", 35), ("Cypro_Minoan", 30),
    ("Cyrillic", 90), ("Deseret", 27), ("Devanagari", 46), ("Dives_Akuru", 44), ("Dogra", 29),
    ("Duployan", 38), ("Egyptian_Hieroglyphs", 27), ("Elbasan", 27), ("Elymaic", 27), ("Ethiopic", 118),
    ("Georgian", 55), ("Glagolitic", 45), ("Gothic", 30), ("Grantha", 58), ("Greek", 146), ("Gujarati", 51),
    ("Gunjala_Gondi", 42), ("Gurmukhi", 57), ("Han", 123), ("Hangul", 90), ("Hanifi_Rohingya", 29),
    ("Hanunoo", 29), ("Hatran", 31), ("Hebrew", 52), ("Hiragana", 61), ("Imperial_Aramaic", 29),
    ("Inherited", 193), ("Inscriptional_Pahlavi", 29), ("Inscriptional_Parthian", 29), ("Javanese", 33),
    ("Kaithi", 31), ("Kannada", 49), ("Katakana", 92), ("Kawi", 34), ("Kayah_Li", 31), ("Kharoshthi", 42),
    ("Khitan_Small_Script", 39), ("Khmer", 36), ("Khojki", 32), ("Khudawadi", 34), ("L", 1567), ("Lao", 46),
    ("Latin", 174), ("Lepcha", 32), ("Limbu", 36), ("Linear_A", 32), ("Linear_B", 39), ("Lisu", 41),
    ("Ll", 1028), ("Lm", 374), ("Lo", 1293), ("Lt", 52), ("Lu", 994), ("Lycian", 27), ("Lydian", 29),
    ("M", 981), ("Mahajani", 31), ("Makasar", 31), ("Malayalam", 35), ("Mandaic", 26), ("Manichaean", 29),
    ("Marchen", 36), ("Masaram_Gondi", 42), ("Mc", 580), ("Me", 60), ("Medefaidrin", 29),
    ("Meetei_Mayek", 38), ("Mende_Kikakui", 31), ("Meroitic_Cursive", 32), ("Meroitic_Hieroglyphs", 27),
    ("Miao", 34), ("Mn", 1049), ("Modi", 31), ("Mongolian", 49), ("Mro", 33), ("Multani", 37),
    ("Myanmar", 41), ("N", 636), ("Nabataean", 29), ("Nag_Mundari", 31), ("Nandinagari", 36), ("Nd", 342),
    ("New_Tai_Lue", 34), ("Newa", 31), ("Nko", 22), ("Nl", 97), ("No", 380), ("Nushu", 42),
    ("Nyiakeng_Puachue_Hmong", 36), ("Ogham", 27), ("Ol_Chiki", 27), ("Old_Hungarian", 30),
    ("Old_Italic", 29), ("Old_North_Arabian", 27), ("Old_Permic", 29), ("Old_Persian", 32),
    ("Old_Sogdian", 27), ("Old_South_Arabian", 27), ("Old_Turkic", 27), ("Old_Uyghur", 30), ("Oriya", 53),
    ("Osage", 32), ("Osmanya", 29), ("P", 782), ("Pahawh_Hmong", 38), ("Palmyrene", 27), ("Pau_Cin_Hau", 29),
    ("Pc", 53), ("Pd", 120), ("Pe", 238), ("Pf", 55), ("Phags_Pa", 29), ("Phoenician", 29), ("Pi", 57),
    ("Po", 748), ("Ps", 244), ("Psalter_Pahlavi", 31), ("Rejang", 34), ("Runic", 32), ("S", 786),
    ("Samaritan", 24), ("Saurashtra", 31), ("Sc", 160), ("Sharada", 29), ("Shavian", 27), ("Siddham", 32),
    ("SignWriting", 33), ("Sinhala", 60), ("Sk", 159), ("Sm", 256), ("So", 628), ("Sogdian", 30),
    ("Sora_Sompeng", 33), ("Soyombo", 32), ("Sundanese", 29), ("Syloti_Nagri", 29), ("Syriac", 36),
    ("Tagalog", 29), ("Tagbanwa", 33), ("Tai_Le", 31), ("Tai_Tham", 39), ("Tai_Viet", 31), ("Takri", 32),
    ("Tamil", 65), ("Tangsa", 35), ("Tangut", 40), ("Telugu", 47), ("Thaana", 24), ("Thai", 29),
    ("Tibetan", 36), ("Tifinagh", 34), ("Tirhuta", 31), ("Toto", 31), ("Ugaritic", 29), ("Vai", 29),
    ("Vithkuqi", 44), ("Wancho", 29), ("Warang_Citi", 32), ("Yezidi", 31), ("Yi", 30), ("Z", 54),
    ("Zanabazar_Square", 29), ("Zl", 29), ("Zp", 29), ("Zs", 52),
];
