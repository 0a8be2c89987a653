//! What is in place: settings read back from the rules themselves, and how the rules differ from what they should be.

use std::fmt;

use serde::Serialize;

use crate::config::{Config, Ingress};
use crate::ruleset::{Chain, EGRESS, Hook, INGRESS, Match, Rule, Ruleset, Verdict};

/// What is in place in a network namespace. Serializes to the machine-readable form of the command's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Installed or not, and intact or not.
    pub state: State,
    /// The settings in effect, recovered from the rules; `None` when nothing takes effect. With IPv6 off, the
    /// IPv6 entries of the ignored addresses leave no rule and so do not come back.
    pub settings: Option<Config>,
    /// One line for each chain or rule that is missing, unexpected or out of order.
    pub differences: Vec<String>,
}

/// Whether interception is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// There is no table of ours.
    NotInstalled,
    /// The chains exist and are empty (`APPMESH_START_ENABLED=0`).
    Disabled,
    /// Traffic is redirected as it should be.
    Enabled,
    /// The rules are not the ones that were asked for, or not ones that this crate installs.
    Altered,
}

impl Status {
    pub(crate) fn not_installed(expected: Option<&Config>) -> Self {
        let differences = expected
            .map(|_| "nothing is installed".to_owned())
            .into_iter()
            .collect();
        Self {
            state: State::NotInstalled,
            settings: None,
            differences,
        }
    }

    /// Judges what was found against `expected`, or against the settings that the rules themselves show.
    pub(crate) fn of(found: &Ruleset, expected: Option<&Config>) -> Self {
        let settings = settings(found);
        let disabled = || Config {
            enabled: false,
            ingress: any_ingress(found),
            ..Config::default()
        };
        let wanted = match expected {
            Some(config) => config.clone(),
            None => settings.clone().unwrap_or_else(disabled),
        };
        let differences = differences(&Ruleset::new(&wanted), found);
        let state = match (differences.is_empty(), wanted.enabled) {
            (false, _) => State::Altered,
            (true, true) => State::Enabled,
            (true, false) => State::Disabled,
        };
        Self {
            state,
            settings,
            differences,
        }
    }
}

/// The settings that lead to these rules; `None` when no rule redirects leaving traffic.
fn settings(found: &Ruleset) -> Option<Config> {
    let mut config = Config {
        egress_ignored_ips: Vec::new(),
        egress_ignored_ports: Vec::new(),
        enable_ipv6: !rules_of(found, Some(Hook::Output)).any(|(matches, _)| matches.contains(&Match::Ipv4)),
        ingress: ingress(found),
        ..Config::default()
    };
    let mut egress_port = None;
    for (matches, verdict) in rules_in(found, EGRESS) {
        match (matches, verdict) {
            ([Match::Uid(uid)], Verdict::Return) => config.ignore_uid = Some(*uid),
            ([Match::Gid(gid)], Verdict::Return) => config.ignore_gid = Some(*gid),
            ([Match::Mark(mark)], Verdict::Return) => config.ignore_mark = Some(*mark),
            ([Match::Port(range)], Verdict::Return) => config.egress_ignored_ports.push(*range),
            ([Match::Destination(net)], Verdict::Return) => config.egress_ignored_ips.push(*net),
            ([Match::Tcp], Verdict::Redirect(port)) => egress_port = Some(*port),
            _ => {}
        }
    }
    Some(Config {
        egress_port: egress_port?,
        ..config
    })
}

fn ingress(found: &Ruleset) -> Option<Ingress> {
    let redirects = rules_in(found, INGRESS).filter_map(|(matches, verdict)| match (matches, verdict) {
        ([Match::Port(range)], Verdict::Redirect(port)) => Some((*range, *port)),
        _ => None,
    });
    let (app_ports, proxy_ports): (Vec<_>, Vec<_>) = redirects.unzip();
    Some(Ingress {
        app_ports,
        proxy_port: *proxy_ports.first()?,
    })
}

/// Stands for the settings of an empty ingress chain, which cannot be recovered.
fn any_ingress(found: &Ruleset) -> Option<Ingress> {
    let exists = found.chains.iter().any(|chain| chain.name == INGRESS);
    exists.then(|| Ingress {
        app_ports: Vec::new(),
        proxy_port: 0,
    })
}

type Known<'a> = (&'a [Match], &'a Verdict);

fn rules_in<'a>(found: &'a Ruleset, name: &'a str) -> impl Iterator<Item = Known<'a>> {
    known(found.chains.iter().filter(move |chain| chain.name == name))
}

fn rules_of(found: &Ruleset, hook: Option<Hook>) -> impl Iterator<Item = Known<'_>> {
    known(found.chains.iter().filter(move |chain| chain.hook == hook))
}

fn known<'a>(chains: impl Iterator<Item = &'a Chain>) -> impl Iterator<Item = Known<'a>> {
    chains
        .flat_map(|chain| &chain.rules)
        .filter_map(|rule| match rule {
            Rule::Known { matches, verdict } => Some((matches.as_slice(), verdict)),
            Rule::Foreign(_) => None,
        })
}

fn differences(wanted: &Ruleset, found: &Ruleset) -> Vec<String> {
    let mut differences = Vec::new();
    for chain in &wanted.chains {
        match found.chains.iter().find(|other| other.name == chain.name) {
            Some(other) => compare_chain(chain, other, &mut differences),
            None => differences.push(format!("chain {} is missing", chain.name)),
        }
    }
    let unexpected = |chain: &&Chain| !wanted.chains.iter().any(|other| other.name == chain.name);
    let report = |chain: &Chain| format!("chain {} is unexpected", chain.name);
    differences.extend(found.chains.iter().filter(unexpected).map(report));
    differences
}

fn compare_chain(wanted: &Chain, found: &Chain, differences: &mut Vec<String>) {
    let name = &wanted.name;
    if wanted.hook != found.hook {
        differences.push(format!("chain {name} is not attached where it should be"));
    }
    let missing = wanted.rules.iter().filter(|rule| !found.rules.contains(rule));
    differences.extend(missing.map(|rule| format!("chain {name} lacks: {rule}")));
    let unexpected = found.rules.iter().filter(|rule| !wanted.rules.contains(rule));
    differences.extend(unexpected.map(|rule| format!("chain {name} has an unexpected rule: {rule}")));
    let same_rules = wanted.rules.iter().all(|rule| found.rules.contains(rule))
        && found.rules.iter().all(|rule| wanted.rules.contains(rule));
    if same_rules && wanted.rules != found.rules {
        differences.push(format!("chain {name} has its rules in another order or repeated"));
    }
}

impl fmt::Display for Status {
    /// For humans: the state, then one line for each setting and each difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interception: {}", self.state)?;
        if let Some(config) = &self.settings {
            write_settings(f, config)?;
        }
        self.differences
            .iter()
            .try_for_each(|difference| write!(f, "\n  ! {difference}"))
    }
}

fn write_settings(f: &mut fmt::Formatter<'_>, config: &Config) -> fmt::Result {
    match &config.ingress {
        Some(ingress) => {
            write!(
                f,
                "\n  arriving at {} -> port {}",
                list(&ingress.app_ports),
                ingress.proxy_port
            )?;
        }
        None => write!(f, "\n  arriving: left alone")?,
    }
    write!(f, "\n  leaving -> port {}, except", config.egress_port)?;
    let exempt = [
        ("user", config.ignore_uid),
        ("group", config.ignore_gid),
        ("mark", config.ignore_mark),
    ];
    for (what, id) in exempt {
        id.map_or(Ok(()), |id| write!(f, "\n    of {what} {id}"))?;
    }
    if !config.egress_ignored_ports.is_empty() {
        write!(f, "\n    to port {}", list(&config.egress_ignored_ports))?;
    }
    if !config.egress_ignored_ips.is_empty() {
        write!(f, "\n    to {}", list(&config.egress_ignored_ips))?;
    }
    write!(
        f,
        "\n  IPv6: {}",
        if config.enable_ipv6 {
            "redirected too"
        } else {
            "left alone"
        }
    )
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInstalled => "not installed",
            Self::Disabled => "installed, disabled",
            Self::Enabled => "installed, enabled",
            Self::Altered => "installed, but altered",
        })
    }
}
