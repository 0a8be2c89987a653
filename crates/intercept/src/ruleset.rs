//! The chains and rules that a configuration asks for, as data. Pure; running `nft` is another module's.

use std::fmt;

use ipnet::IpNet;

use crate::config::Config;
use crate::ports::PortRange;

/// Name of the table, in family `inet`, that holds everything of ours and nothing else.
pub(crate) const TABLE: &str = "appmesh";

pub(crate) const INGRESS: &str = "APPMESH_INGRESS";
pub(crate) const EGRESS: &str = "APPMESH_EGRESS";
pub(crate) const PREROUTING: &str = "PREROUTING";
pub(crate) const OUTPUT: &str = "OUTPUT";

/// The content of table `inet appmesh`: the chains of App Mesh and the two hooks that lead into them.
///
/// `Display` is an nft script that puts exactly this in place in one transaction, whatever was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    pub(crate) chains: Vec<Chain>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) name: String,
    pub(crate) hook: Option<Hook>,
    pub(crate) rules: Vec<Rule>,
}

/// Where a chain takes packets from the kernel; both are of type `nat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// Packets that arrive from another host.
    Prerouting,
    /// Packets that a local process sends.
    Output,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// All matches apply, then the verdict is taken.
    Known { matches: Vec<Match>, verdict: Verdict },
    /// Found in the kernel, but none of ours; the text is what nft shows for it.
    Foreign(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Ipv4,
    Tcp,
    SourceNotLocal,
    DestinationNotLocal,
    Uid(u32),
    Gid(u32),
    Mark(u32),
    Port(PortRange),
    Destination(IpNet),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Return,
    Redirect(u16),
    Jump(String),
}

impl Ruleset {
    /// The rules for `config`, in the order in which App Mesh evaluates them.
    pub fn new(config: &Config) -> Self {
        let mut chains = Vec::new();
        if config.ingress.is_some() {
            chains.push(Chain {
                name: INGRESS.to_owned(),
                hook: None,
                rules: ingress(config),
            });
        }
        chains.push(Chain {
            name: EGRESS.to_owned(),
            hook: None,
            rules: egress(config),
        });
        if config.enabled {
            if config.ingress.is_some() {
                chains.push(entry(
                    config,
                    PREROUTING,
                    Hook::Prerouting,
                    Match::SourceNotLocal,
                    INGRESS,
                ));
            }
            chains.push(entry(
                config,
                OUTPUT,
                Hook::Output,
                Match::DestinationNotLocal,
                EGRESS,
            ));
        }
        Self { chains }
    }
}

/// Arriving traffic: each port of the application goes to the proxy, the rest to its process.
fn ingress(config: &Config) -> Vec<Rule> {
    let Some(ingress) = config.ingress.as_ref().filter(|_| config.enabled) else {
        return Vec::new();
    };
    let redirect = |port: &PortRange| rule([Match::Port(*port)], Verdict::Redirect(ingress.proxy_port));
    ingress.app_ports.iter().map(redirect).collect()
}

/// Leaving traffic: the exceptions first, then the rest goes to the proxy.
fn egress(config: &Config) -> Vec<Rule> {
    if !config.enabled {
        return Vec::new();
    }
    let captured = |net: &&IpNet| config.enable_ipv6 || matches!(net, IpNet::V4(_));
    let exempt = (config.ignore_uid.map(Match::Uid).into_iter())
        .chain(config.ignore_gid.map(Match::Gid))
        .chain(config.ignore_mark.map(Match::Mark))
        .chain(config.egress_ignored_ports.iter().copied().map(Match::Port))
        .chain(
            config
                .egress_ignored_ips
                .iter()
                .filter(captured)
                .copied()
                .map(Match::Destination),
        )
        .map(|exemption| rule([exemption], Verdict::Return));
    exempt
        .chain([rule([Match::Tcp], Verdict::Redirect(config.egress_port))])
        .collect()
}

/// The hook that leads the right packets into one of the chains of App Mesh.
fn entry(config: &Config, name: &str, hook: Hook, not_local: Match, target: &str) -> Chain {
    let family = (!config.enable_ipv6).then_some(Match::Ipv4);
    let matches = family.into_iter().chain([Match::Tcp, not_local]);
    Chain {
        name: name.to_owned(),
        hook: Some(hook),
        rules: vec![rule(matches, Verdict::Jump(target.to_owned()))],
    }
}

fn rule(matches: impl IntoIterator<Item = Match>, verdict: Verdict) -> Rule {
    Rule::Known {
        matches: matches.into_iter().collect(),
        verdict,
    }
}

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Naming the table creates it where it is missing, so that deleting it cannot fail.
        writeln!(
            f,
            "table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{"
        )?;
        for (index, chain) in self.chains.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{chain}")?;
        }
        writeln!(f, "}}")
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(hook) = self.hook {
            // -100 is where iptables does destination NAT; nft has a name for it at prerouting only.
            writeln!(f, "\t\ttype nat hook {hook} priority -100; policy accept;")?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        writeln!(f, "\t}}")
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prerouting => "prerouting",
            Self::Output => "output",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { matches, verdict } => {
                matches
                    .iter()
                    .try_for_each(|condition| write!(f, "{condition} "))?;
                write!(f, "{verdict}")
            }
            Self::Foreign(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4 => write!(f, "meta nfproto ipv4"),
            Self::Tcp => write!(f, "meta l4proto tcp"),
            Self::SourceNotLocal => write!(f, "fib saddr type != local"),
            Self::DestinationNotLocal => write!(f, "fib daddr type != local"),
            Self::Uid(uid) => write!(f, "meta skuid {uid}"),
            Self::Gid(gid) => write!(f, "meta skgid {gid}"),
            Self::Mark(mark) => write!(f, "meta mark {mark:#010x}"),
            Self::Port(range) if range.first() == range.last() => write!(f, "tcp dport {}", range.first()),
            Self::Port(range) => write!(f, "tcp dport {}-{}", range.first(), range.last()),
            Self::Destination(net) => {
                let family = if matches!(net, IpNet::V4(_)) { "ip" } else { "ip6" };
                if net.prefix_len() == net.max_prefix_len() {
                    write!(f, "{family} daddr {}", net.addr())
                } else {
                    write!(f, "{family} daddr {net}")
                }
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Return => write!(f, "return"),
            Self::Redirect(port) => write!(f, "redirect to :{port}"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
        }
    }
}
