//! Listeners: where captured and gateway traffic enters the proxy, and which filter chain takes it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::{CidrRange, TrafficDirection};
use envoy_types::pb::envoy::config::listener::v3::listener_filter_chain_match_predicate::{MatchSet, Rule};
use envoy_types::pb::envoy::config::listener::v3::{
    Filter, FilterChain, FilterChainMatch, Listener, ListenerFilter, ListenerFilterChainMatchPredicate,
    listener_filter,
};
use envoy_types::pb::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use envoy_types::pb::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use envoy_types::pb::envoy::r#type::v3::Int32Range;
use envoy_types::util::pack_any;
use evermesh_graph::view::{
    AccessLog, AppListener, EGRESS_PORT, INGRESS_PORT, ListenerTls, Protocol, TcpDestination, TlsMode,
};

use crate::common::{self, duration, number};
use crate::piece::{EgressListener, GatewayPort, Owner};
use crate::{filter, names, route, tls};

/// The port of HTTPS, on which calls to AWS APIs are told by the name that TLS asks for.
pub(crate) const HTTPS_PORT: u16 = 443;
/// Hosts that may always be called.
const AMAZONAWS: &str = "*.amazonaws.com";
/// How long a caller that may speak either TLS or plain text says nothing until it must be waiting for the application
/// to speak first, which no caller by TLS does.
const SILENCE_OF_PLAIN_TEXT: u64 = 1000;
/// How long a connection to something outside the mesh may be quiet.
const OUTSIDE_IDLE_TIMEOUT: u64 = 300_000;

/// Captured traffic for the local application, told apart by the port it was for.
pub(crate) fn ingress(
    owner: Owner<'_>,
    listeners: &[AppListener],
    log: Option<&AccessLog>,
    bind: IpAddr,
) -> Listener {
    let several = listeners.len() > 1;
    let chains = |listener: &AppListener| {
        let prefix = names::ingress_stat_prefix(listener.protocol, listener.port, several);
        let filter = if listener.protocol.is_http() {
            filter::http(&prefix, names::ingress_routes(listener.port), log)
        } else {
            let cluster = names::local_application(owner, listener.protocol, listener.port);
            filter::tcp(&prefix, vec![(cluster, 1)], listener.timeouts.idle, log)
        };
        with_tls(
            for_port(listener.port, Some(filter)),
            listener.tls.as_ref(),
            listener.protocol,
        )
    };
    // There the application may be the first to speak, and a look for TLS would wait for a client that waits too.
    let tcp = || listeners.iter().filter(|l| l.protocol == Protocol::Tcp);
    let not_looked_at = tcp()
        .filter(|l| !is_permissive(l.tls.as_ref()))
        .map(|l| destination_port(l.port));
    let looks_in_vain = tcp().any(|l| is_permissive(l.tls.as_ref()));
    Listener {
        name: names::ingress_listener(INGRESS_PORT),
        filter_chains: listeners.iter().flat_map(chains).collect(),
        listener_filters: vec![
            original_destination(),
            tls_inspector(any_of(not_looked_at.collect())),
        ],
        listener_filters_timeout: looks_in_vain.then(|| duration(SILENCE_OF_PLAIN_TEXT)),
        continue_on_listener_filters_timeout: looks_in_vain,
        ..bound(bind, INGRESS_PORT, TrafficDirection::Inbound)
    }
}

/// A port of a gateway.
pub(crate) fn gateway(port: GatewayPort<'_>, log: Option<&AccessLog>, bind: IpAddr) -> Listener {
    let listener = port.listener;
    let prefix = names::ingress_stat_prefix(listener.protocol, listener.port, port.is_one_of_several);
    let filter = filter::http(&prefix, names::ingress_routes(listener.port), log);
    let chain = FilterChain {
        filters: vec![filter],
        ..FilterChain::default()
    };
    Listener {
        name: names::ingress_listener(listener.port),
        filter_chains: with_tls(chain, listener.tls.as_ref(), listener.protocol),
        listener_filters: vec![tls_inspector(None)],
        ..bound(bind, listener.port, TrafficDirection::Inbound)
    }
}

/// What the application calls, told apart by the port it calls, and by the address where TCP services share a port.
pub(crate) fn egress(inputs: &EgressListener<'_>) -> Listener {
    let &EgressListener {
        mesh,
        tcp_ports,
        allow_all,
        log,
        bind,
        ..
    } = inputs;
    let http = |port: u16| {
        let filter = filter::http(names::EGRESS_STAT_PREFIX, names::egress_routes(port), log);
        for_port(port, Some(filter))
    };
    let mut chains: Vec<FilterChain> = inputs.http_ports.iter().map(|port| http(*port)).collect();
    chains.push(http(EGRESS_PORT));
    for (port, destinations) in tcp_ports {
        chains.extend(destinations.iter().map(|one| tcp_service(mesh, *port, one, log)));
    }
    chains.push(amazonaws(mesh, log));
    if allow_all && inputs.http_ports.contains(&HTTPS_PORT) {
        chains.extend(https_elsewhere(mesh, &inputs.plain_https_hosts, log));
    }
    // Only chains of that port ask for TLS. On others the server may be the first to speak, and a look for TLS would
    // wait for a client that waits too.
    let not_https = ListenerFilterChainMatchPredicate {
        rule: Some(Rule::NotMatch(Box::new(destination_port(HTTPS_PORT)))),
    };
    Listener {
        name: names::egress_listener(),
        filter_chains: chains,
        default_filter_chain: allow_all.then(|| elsewhere(names::allow_all(mesh), log)),
        listener_filters: vec![original_destination(), tls_inspector(Some(not_https))],
        ..bound(bind, EGRESS_PORT, TrafficDirection::Outbound)
    }
}

fn bound(bind: IpAddr, port: u16, direction: TrafficDirection) -> Listener {
    Listener {
        address: Some(common::bound(bind, port)),
        stat_prefix: names::listener_stat_prefix(port),
        traffic_direction: direction.into(),
        ..Listener::default()
    }
}

fn for_port(port: u16, filter: Option<Filter>) -> FilterChain {
    FilterChain {
        filter_chain_match: Some(FilterChainMatch {
            destination_port: Some(number(u32::from(port))),
            ..FilterChainMatch::default()
        }),
        filters: filter.into_iter().collect(),
        ..FilterChain::default()
    }
}

/// A chain for those who may take it: by TLS, in plain text, or both. Plain text at a chain that is for TLS only is a
/// failed handshake, and counted as one.
fn with_tls(chain: FilterChain, tls: Option<&ListenerTls>, protocol: Protocol) -> Vec<FilterChain> {
    let Some(tls) = tls else { return vec![chain] };
    let encrypted = FilterChain {
        transport_socket: Some(tls::downstream(tls, protocol)),
        ..chain.clone()
    };
    match tls.mode {
        TlsMode::Strict => vec![encrypted],
        TlsMode::Permissive => vec![
            for_transport("tls", encrypted),
            for_transport("raw_buffer", chain),
        ],
    }
}

fn is_permissive(tls: Option<&ListenerTls>) -> bool {
    tls.is_some_and(|tls| tls.mode == TlsMode::Permissive)
}

/// Only for connections that begin as this transport protocol does.
fn for_transport(transport_protocol: &str, chain: FilterChain) -> FilterChain {
    FilterChain {
        filter_chain_match: Some(FilterChainMatch {
            transport_protocol: transport_protocol.to_owned(),
            ..chain.filter_chain_match.unwrap_or_default()
        }),
        ..chain
    }
}

/// A chain without filters closes its connections, and keeps them from the default chain.
fn tcp_service(mesh: &str, port: u16, destination: &TcpDestination, log: Option<&AccessLog>) -> FilterChain {
    let service = &destination.service;
    let clusters = route::cluster_weights(mesh, &service.targets);
    let open = !clusters.is_empty();
    let filter = open.then(|| filter::tcp(names::EGRESS_STAT_PREFIX, clusters, service.idle_timeout, log));
    let mut chain = for_port(port, filter);
    if let Some(matches) = &mut chain.filter_chain_match {
        matches.prefix_ranges = destination
            .addresses
            .iter()
            .map(|ip| whole_address(*ip))
            .collect();
    }
    chain
}

/// Services that are called by HTTP on the port of HTTPS take no TLS there: it is for hosts outside the mesh, unless it
/// asks for one of those services, which is not let out past the mesh.
fn https_elsewhere(
    mesh: &str,
    services: &BTreeSet<String>,
    log: Option<&AccessLog>,
) -> impl Iterator<Item = FilterChain> {
    let for_names = |server_names: Vec<String>| FilterChainMatch {
        destination_port: Some(number(u32::from(HTTPS_PORT))),
        transport_protocol: "tls".to_owned(),
        server_names,
        ..FilterChainMatch::default()
    };
    let amazonaws = AMAZONAWS.trim_start_matches('*');
    let services = services.iter().filter(|name| !name.ends_with(amazonaws));
    let services: Vec<String> = services.cloned().collect();
    let closed = (!services.is_empty()).then(|| FilterChain {
        filter_chain_match: Some(for_names(services)),
        ..FilterChain::default()
    });
    let others = FilterChain {
        filter_chain_match: Some(for_names(Vec::new())),
        ..elsewhere(names::allow_all(mesh), log)
    };
    closed.into_iter().chain([others])
}

fn amazonaws(mesh: &str, log: Option<&AccessLog>) -> FilterChain {
    FilterChain {
        filter_chain_match: Some(FilterChainMatch {
            destination_port: Some(number(u32::from(HTTPS_PORT))),
            server_names: vec![AMAZONAWS.to_owned()],
            ..FilterChainMatch::default()
        }),
        ..elsewhere(names::amazonaws(mesh), log)
    }
}

fn whole_address(ip: IpAddr) -> CidrRange {
    CidrRange {
        address_prefix: ip.to_string(),
        prefix_len: Some(number(if ip.is_ipv4() { 32 } else { 128 })),
    }
}

fn elsewhere(cluster: String, log: Option<&AccessLog>) -> FilterChain {
    let clusters = vec![(cluster, 1)];
    let filter = filter::tcp(names::EGRESS_STAT_PREFIX, clusters, OUTSIDE_IDLE_TIMEOUT, log);
    FilterChain {
        filters: vec![filter],
        ..FilterChain::default()
    }
}

fn original_destination() -> ListenerFilter {
    ListenerFilter {
        name: "envoy.filters.listener.original_dst".to_owned(),
        config_type: Some(listener_filter::ConfigType::TypedConfig(pack_any(
            OriginalDst::default(),
        ))),
        ..ListenerFilter::default()
    }
}

/// Looks for TLS before a filter chain is chosen, except where `not_if` holds.
fn tls_inspector(not_if: Option<ListenerFilterChainMatchPredicate>) -> ListenerFilter {
    ListenerFilter {
        name: "envoy.filters.listener.tls_inspector".to_owned(),
        filter_disabled: not_if,
        config_type: Some(listener_filter::ConfigType::TypedConfig(pack_any(
            TlsInspector::default(),
        ))),
    }
}

/// Envoy wants at least two members in a choice.
fn any_of(mut rules: Vec<ListenerFilterChainMatchPredicate>) -> Option<ListenerFilterChainMatchPredicate> {
    if rules.len() < 2 {
        return rules.pop();
    }
    Some(ListenerFilterChainMatchPredicate {
        rule: Some(Rule::OrMatch(MatchSet { rules })),
    })
}

fn destination_port(port: u16) -> ListenerFilterChainMatchPredicate {
    let port = i32::from(port);
    ListenerFilterChainMatchPredicate {
        rule: Some(Rule::DestinationPortRange(Int32Range {
            start: port,
            end: port + 1,
        })),
    }
}
