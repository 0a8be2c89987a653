//! Reads a ruleset back from what `nft -j list table` prints. Never guesses: what is not ours stays foreign text.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::ports::PortRange;
use crate::ruleset::{Chain, Hook, Match, Rule, Ruleset, TABLE, Verdict};

/// Whether `nft -j list tables` names our table.
pub(crate) fn has_table(listing: &Value) -> bool {
    objects(listing, "table").any(|table| table["name"] == TABLE && table["family"] == "inet")
}

/// The chains and rules of `nft -j list table inet appmesh`, in the order of the kernel.
pub(crate) fn ruleset(listing: &Value) -> Ruleset {
    let mut chains: Vec<Chain> = objects(listing, "chain").map(chain).collect();
    for object in objects(listing, "rule") {
        if let Some(chain) = chains
            .iter_mut()
            .find(|chain| object["chain"] == chain.name.as_str())
        {
            chain.rules.push(rule(&object["expr"]));
        }
    }
    Ruleset { chains }
}

fn objects<'a>(listing: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    listing["nftables"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(move |object| object.get(kind))
}

fn chain(object: &Value) -> Chain {
    let ours = object["type"] == "nat" && object["prio"] == -100 && object["policy"] == "accept";
    let hook = match object["hook"].as_str() {
        Some("prerouting") if ours => Some(Hook::Prerouting),
        Some("output") if ours => Some(Hook::Output),
        _ => None,
    };
    // A hook of another kind must not pass for none.
    let foreign_hook = object.get("hook").filter(|_| hook.is_none()).map(|_| {
        let word = |key: &str| object[key].to_string().replace('"', "");
        let (kind, at, priority, policy) = (word("type"), word("hook"), word("prio"), word("policy"));
        Rule::Foreign(format!(
            "type {kind} hook {at} priority {priority}; policy {policy};"
        ))
    });
    let name = object["name"].as_str().unwrap_or_default().to_owned();
    Chain {
        name,
        hook,
        rules: foreign_hook.into_iter().collect(),
    }
}

fn rule(expressions: &Value) -> Rule {
    known_rule(expressions).unwrap_or_else(|| Rule::Foreign(expressions.to_string()))
}

fn known_rule(expressions: &Value) -> Option<Rule> {
    let (last, conditions) = expressions.as_array()?.split_last()?;
    let matches = conditions
        .iter()
        .map(|condition| condition.get("match").and_then(read_match));
    Some(Rule::Known {
        matches: matches.collect::<Option<_>>()?,
        verdict: verdict(last)?,
    })
}

fn verdict(statement: &Value) -> Option<Verdict> {
    if statement.get("return").is_some() {
        return Some(Verdict::Return);
    }
    if let Some(target) = statement.pointer("/jump/target") {
        return Some(Verdict::Jump(target.as_str()?.to_owned()));
    }
    port(statement.pointer("/redirect/port")?).map(Verdict::Redirect)
}

fn read_match(condition: &Value) -> Option<Match> {
    let (left, right) = (condition.get("left")?, condition.get("right")?);
    if let Some(fib) = left.get("fib") {
        return (condition["op"] == "!=" && fib["result"] == "type" && right == "local")
            .then(|| not_local(&fib["flags"]))?;
    }
    if condition["op"] != "==" {
        return None;
    }
    if let Some(key) = left.pointer("/meta/key").and_then(Value::as_str) {
        return read_meta(key, right);
    }
    let payload = left.get("payload")?;
    match (payload["protocol"].as_str()?, payload["field"].as_str()?) {
        ("tcp", "dport") => ports(right).map(Match::Port),
        ("ip" | "ip6", "daddr") => network(right).map(Match::Destination),
        _ => None,
    }
}

/// Older versions of nft print a list of flags, newer ones a single flag without the list.
fn not_local(flags: &Value) -> Option<Match> {
    let flag = match flags {
        Value::Array(flags) if flags.len() == 1 => flags[0].as_str(),
        other => other.as_str(),
    };
    match flag? {
        "saddr" => Some(Match::SourceNotLocal),
        "daddr" => Some(Match::DestinationNotLocal),
        _ => None,
    }
}

fn read_meta(key: &str, right: &Value) -> Option<Match> {
    let number = || right.as_u64().and_then(|number| u32::try_from(number).ok());
    match key {
        "nfproto" => (right == "ipv4").then_some(Match::Ipv4),
        "l4proto" => (right == "tcp").then_some(Match::Tcp),
        "skuid" => number().map(Match::Uid),
        "skgid" => number().map(Match::Gid),
        "mark" => number().map(Match::Mark),
        _ => None,
    }
}

fn port(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|port| u16::try_from(port).ok())
}

fn ports(value: &Value) -> Option<PortRange> {
    match value.get("range") {
        Some(range) => PortRange::new(port(range.get(0)?)?, port(range.get(1)?)?).ok(),
        None => PortRange::try_from(port(value)?).ok(),
    }
}

fn network(value: &Value) -> Option<IpNet> {
    if let Some(address) = value.as_str() {
        return address.parse::<IpAddr>().map(IpNet::from).ok();
    }
    let prefix = value.get("prefix")?;
    let length = prefix["len"]
        .as_u64()
        .and_then(|length| u8::try_from(length).ok())?;
    IpNet::new(prefix["addr"].as_str()?.parse().ok()?, length).ok()
}
