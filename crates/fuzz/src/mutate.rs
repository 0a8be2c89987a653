//! Mutations: an input and a number give another input, always the same one.
//!
//! libFuzzer has its own mutations of bytes. Those of JSON here keep it JSON, so that what comes behind the parser is
//! reached; both together are what the ordinary tests mutate with.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

/// Changes some bytes.
pub fn bytes(input: &[u8], number: u64) -> Vec<u8> {
    let mut dice = StdRng::seed_from_u64(number);
    let mut out = input.to_vec();
    for _ in 0..dice.random_range(1..=4) {
        change_bytes(&mut out, &mut dice);
    }
    out
}

/// Changes JSON in one or several lines, and now and then bytes.
pub fn json_lines(input: &[u8], number: u64) -> Vec<u8> {
    let mut dice = StdRng::seed_from_u64(number);
    let Ok(text) = std::str::from_utf8(input) else {
        return bytes(input, number);
    };
    let mut lines: Vec<Line<'_>> = text.lines().map(Line::read).collect();
    let objects: Vec<usize> = (0..lines.len())
        .filter(|&index| lines[index].json().is_some())
        .collect();
    if objects.is_empty() || dice.random_ratio(1, 16) {
        return bytes(input, number);
    }
    for _ in 0..dice.random_range(1..=3) {
        let from = *objects.choose(&mut dice).expect("there are some");
        let donor = lines[from]
            .json()
            .map(|value| random_part(value, &mut dice))
            .unwrap_or_default();
        let into = *objects.choose(&mut dice).expect("there are some");
        if let Line::Json(value) = &mut lines[into] {
            change_json(value, donor, &mut dice);
        }
    }
    let lines: Vec<String> = lines.iter().map(Line::to_text).collect();
    lines.join("\n").into_bytes()
}

enum Line<'t> {
    Text(&'t str),
    Json(Value),
}

impl<'t> Line<'t> {
    fn read(text: &'t str) -> Self {
        let is_object = text.starts_with('{');
        match is_object.then(|| serde_json::from_str(text)) {
            Some(Ok(value)) => Self::Json(value),
            _ => Self::Text(text),
        }
    }

    fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Text(_) => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Text(text) => (*text).to_owned(),
        }
    }
}

fn change_bytes(out: &mut Vec<u8>, dice: &mut StdRng) {
    let at = dice.random_range(0..=out.len());
    let length = dice.random_range(0..=16).min(out.len() - at);
    match dice.random_range(0..6) {
        0 => out.insert(at, dice.random()),
        1 => drop(out.drain(at..at + length)),
        2 if at < out.len() => out[at] ^= 1 << dice.random_range(0..8),
        3 if at < out.len() => out[at] = dice.random(),
        4 => {
            let copied = out[at..at + length].to_vec();
            let to = dice.random_range(0..=out.len());
            drop(out.splice(to..to, copied));
        }
        _ => {
            let text = TEXTS.choose(dice).expect("there are some");
            drop(out.splice(at..at, text.bytes()));
        }
    }
}

/// Texts that mean something somewhere, or break something elsewhere.
const TEXTS: [&str; 34] = [
    "",
    "/",
    "*",
    "*.",
    ".",
    "..",
    "-",
    "@",
    ":",
    "::",
    "%",
    "%00",
    "%25",
    "\u{0}",
    "\n",
    "é",
    "\u{FFFE}",
    "\\",
    "\\E",
    "(",
    ")",
    "[",
    "{1000}",
    "|",
    "a**",
    "0",
    "-1",
    "65535",
    "65536",
    "9223372036854775807",
    "18446744073709551616",
    "null",
    "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n",
    "mesh/m@123456789012/virtualGateway/g",
];

/// Numbers at which something begins or ends.
const NUMBERS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    9,
    10,
    99,
    100,
    101,
    1000,
    1001,
    65_535,
    65_536,
    315_576_000_001,
    i64::MAX,
    i64::MIN,
];

fn random_part(value: &Value, dice: &mut StdRng) -> Value {
    let mut parts = Vec::new();
    collect(value, &mut parts);
    parts.choose(dice).map_or(Value::Null, |part| (*part).clone())
}

fn collect<'v>(value: &'v Value, into: &mut Vec<&'v Value>) {
    into.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.values().for_each(|member| collect(member, into)),
        _ => {}
    }
}

fn count(value: &Value) -> usize {
    let mut parts = Vec::new();
    collect(value, &mut parts);
    parts.len()
}

/// Changes one part, each with the same chance.
fn change_json(value: &mut Value, donor: Value, dice: &mut StdRng) {
    let chosen = dice.random_range(0..count(value));
    if let Some(part) = nth(value, &mut { chosen }) {
        change_part(part, donor, dice);
    }
}

fn nth<'v>(value: &'v mut Value, rest: &mut usize) -> Option<&'v mut Value> {
    if *rest == 0 {
        return Some(value);
    }
    *rest -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, rest)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, rest)),
        _ => None,
    }
}

fn change_part(part: &mut Value, donor: Value, dice: &mut StdRng) {
    match (dice.random_range(0..8), &mut *part) {
        (0, _) => *part = donor,
        (1, _) => *part = scalar(dice),
        (2, Value::Object(members)) => change_members(members, donor, dice),
        (3, Value::Object(members)) if !members.is_empty() => {
            let name = members.keys().nth(dice.random_range(0..members.len())).cloned();
            drop(name.and_then(|name| members.remove(&name)));
        }
        (2..=5, Value::Array(items)) => change_items(items, donor, dice),
        (2..=6, Value::String(text)) => *part = json!(changed_text(text, dice)),
        (2..=6, Value::Number(number)) => {
            let step = *[-1, 1, 7, 1000].choose(dice).expect("there are some");
            *part = json!(number.as_i64().unwrap_or_default().saturating_add(step));
        }
        (2..=6, Value::Bool(flag)) => *flag = !*flag,
        (7, _) => *part = json!([part.clone()]),
        _ => {}
    }
}

fn scalar(dice: &mut StdRng) -> Value {
    match dice.random_range(0..6) {
        0 => Value::Null,
        1 => json!(dice.random::<bool>()),
        2 => json!(NUMBERS.choose(dice)),
        3 => json!(1.5),
        4 => json!("x".repeat(*[1, 254, 255, 256, 1025].choose(dice).expect("there are some"))),
        _ => json!(TEXTS.choose(dice)),
    }
}

fn change_members(members: &mut Map<String, Value>, donor: Value, dice: &mut StdRng) {
    if let Value::Object(others) = donor {
        members.extend(others);
        return;
    }
    let name = TEXTS.choose(dice).expect("there are some");
    members.insert((*name).to_owned(), donor);
}

fn change_items(items: &mut Vec<Value>, donor: Value, dice: &mut StdRng) {
    let at = dice.random_range(0..=items.len());
    match dice.random_range(0..4) {
        0 if at < items.len() => drop(items.remove(at)),
        1 if at < items.len() => {
            let again = items[at].clone();
            let times = *[1, 2, 10, 101].choose(dice).expect("there are some");
            items.extend(std::iter::repeat_n(again, times));
        }
        2 => items.reverse(),
        _ => items.insert(at, donor),
    }
}

fn changed_text(text: &str, dice: &mut StdRng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = dice.random_range(0..=characters.len());
    match dice.random_range(0..3) {
        0 if at < characters.len() => drop(characters.remove(at)),
        1 => characters.truncate(at),
        _ => {
            let inserted = TEXTS.choose(dice).expect("there are some");
            drop(characters.splice(at..at, inserted.chars()));
        }
    }
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &[u8] = b"PUT /x\n\n{\"a\":[1,{\"b\":\"c\"}]}\n###\n{\"d\":true}";

    #[test]
    fn a_number_gives_one_input_and_numbers_give_many() {
        let made: std::collections::BTreeSet<_> = (0..200).map(|number| json_lines(INPUT, number)).collect();
        assert!(made.len() > 100, "{}", made.len());
        assert_eq!(json_lines(INPUT, 7), json_lines(INPUT, 7));
        assert_eq!(bytes(INPUT, 7), bytes(INPUT, 7));
    }

    #[test]
    fn json_stays_json_as_a_rule() {
        let is_json = |number: &u64| {
            let made = json_lines(INPUT, *number);
            let text = String::from_utf8_lossy(&made).into_owned();
            text.lines()
                .filter(|line| serde_json::from_str::<Value>(line).is_ok())
                .count()
                == 2
        };
        assert!((0..200).filter(is_json).count() > 150);
    }
}
