//! What is answered from the hosts file, and what is refused.

use evermesh_discovery::Forward;
use hickory_proto::op::{Edns, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use crate::fixture::{Fixture, addresses, exchange_udp, question};

#[tokio::test]
async fn it_answers_addresses_from_the_hosts_file() {
    let dns = Fixture::start(
        "10.0.0.1 svc1.pgMesh.local\n10.0.0.2 svc1.pgmesh.local\nfd00::1 svc1.pgMesh.local\n",
        Forward::Off,
    );

    let v4 = dns.ask("SVC1.pgMESH.local.", RecordType::A).await;
    assert_eq!(v4.metadata.response_code, ResponseCode::NoError);
    assert!(v4.metadata.authoritative);
    assert!(!v4.metadata.recursion_available);
    assert_eq!(addresses(&v4), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(v4.answers[0].ttl, 5);
    let as_asked = Name::from_ascii("SVC1.pgMESH.local.").unwrap();
    assert!(
        v4.answers[0].name.eq_case(&as_asked),
        "the case of the question is kept: {}",
        v4.answers[0].name
    );

    assert_eq!(
        addresses(&dns.ask("svc1.pgmesh.local.", RecordType::AAAA).await),
        ["fd00::1"]
    );
    assert_eq!(
        dns.ask("svc1.pgmesh.local.", RecordType::ANY).await.answers.len(),
        3
    );
    dns.server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_known_name_without_records_of_the_type_is_nodata_and_an_unknown_one_does_not_exist() {
    let dns = Fixture::start("10.0.0.1 svc1.local\n", Forward::Off);
    for kind in [RecordType::AAAA, RecordType::SRV, RecordType::HTTPS] {
        let nodata = dns.ask("svc1.local.", kind).await;
        assert_eq!(
            (nodata.metadata.response_code, nodata.answers.len()),
            (ResponseCode::NoError, 0),
            "{kind}"
        );
    }
    let unknown = dns.ask("svc2.local.", RecordType::A).await;
    assert_eq!(unknown.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn a_real_resolver_finds_the_names() {
    let dns = Fixture::start("10.0.0.1 svc1.local\nfd00::1 svc1.local\n", Forward::Off);
    let mut server = NameServerConfig::udp_and_tcp(dns.address().ip());
    for connection in &mut server.connections {
        connection.port = dns.address().port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    let resolver = builder.build().unwrap();

    let found = resolver.ipv4_lookup("svc1.local.").await.unwrap();
    assert_eq!(
        found.answers()[0].data.ip_addr(),
        Some("10.0.0.1".parse().unwrap())
    );
    let error = resolver.lookup_ip("svc2.local.").await.unwrap_err();
    assert!(error.is_nx_domain(), "{error}");
}

#[tokio::test]
async fn what_it_does_not_do_it_says() {
    let dns = Fixture::start("10.0.0.1 a.local\n", Forward::Off);
    assert_eq!(
        dns.ask("a.local.", RecordType::AXFR).await.metadata.response_code,
        ResponseCode::Refused
    );

    let mut chaos = question("a.local.", RecordType::A);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(
        exchange_udp(dns.address(), &chaos).await.metadata.response_code,
        ResponseCode::Refused
    );

    let mut update = question("a.local.", RecordType::A);
    update.metadata.op_code = OpCode::Update;
    assert_eq!(
        exchange_udp(dns.address(), &update).await.metadata.response_code,
        ResponseCode::NotImp
    );

    let mut two = question("a.local.", RecordType::A);
    two.add_query(Query::query(Name::from_ascii("b.local.").unwrap(), RecordType::A));
    assert_eq!(
        exchange_udp(dns.address(), &two).await.metadata.response_code,
        ResponseCode::FormErr
    );

    let mut future = question("a.local.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_version(1);
    future.set_edns(edns);
    // BADVERS and BADSIG are the same number (RFC 6895), so compare numbers.
    let code = exchange_udp(dns.address(), &future).await.metadata.response_code;
    assert_eq!(u16::from(code), u16::from(ResponseCode::BADVERS));
}
