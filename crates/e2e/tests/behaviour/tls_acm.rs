//! Certificates and authorities by ARN: from the control plane's directory to proxies, renewed while calls go on.

use std::fs;

use evermesh_e2e::pki::Authority;
use evermesh_e2e::{App, Call, Load, Manifests, MeshTask, TaskSpec, Tls, World, eventually};

const SERVICE: &str = "http://svc.local:8080/";
const CERTIFICATE: &str = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b";
const CA: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1a";

/// A strict server with a certificate, and a client with a policy or none (empty).
fn mesh(certificate: &str, policy: &str) -> Manifests {
    Manifests::mesh("m", "{}")
        .node(
            "server",
            &format!(
                "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }},
                        tls: {{ mode: STRICT, certificate: {certificate} }} }}],
                    serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}"
            ),
        )
        .service_of_node("svc.local", "server")
        .node(
            "client",
            &format!("{{ backends: [{{ virtualService: {{ virtualServiceName: svc.local{policy} }} }}] }}"),
        )
}

fn start(world: &mut World) -> (MeshTask, MeshTask) {
    let server = world.task(TaskSpec::node("server").app(App::http(8080)));
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&server]);
    world.name("svc.local", [&server]);
    (server, client)
}

fn by(trust: &str) -> String {
    format!(", clientPolicy: {{ tls: {{ validation: {{ trust: {trust} }} }} }}")
}

/// Without a policy a client checks the certificate against its root; a policy says whom to trust, also among several.
pub(crate) async fn whom_clients_trust(mut world: World) {
    let (good, other) = (Authority::new("good"), Authority::new("other"));
    let (server, client) = start(&mut world);
    let certificate = good.issue(&["*.local"]).as_acm(&world, CERTIFICATE);
    let other_arn = CA.replace("1a", "2b");
    let (trusted, stranger) = (
        good.as_private_ca(&world, CA),
        other.as_private_ca(&world, &other_arn),
    );
    let both = format!("{{ acm: {{ certificateAuthorityArns: ['{other_arn}', '{CA}'] }} }}");
    for (policy, status) in [
        (String::new(), 200),
        (by(&trusted), 200),
        (by(&stranger), 503),
        (by(&both), 200),
    ] {
        world.apply(mesh(&certificate, &policy));
        assert_eq!(client.status(SERVICE).await, status, "{policy}");
    }
    assert!(server.stat("listener.0.0.0.0_15000.ssl.handshake") > 0);

    // Who does not call the server has nothing of it, and who only calls it has no key.
    let secrets = |task: &MeshTask| task.config_dump()["configs"].to_string();
    assert!(secrets(&server).contains(CERTIFICATE));
    assert!(!secrets(&client).contains(&format!("\"{CERTIFICATE}\"")));
    assert!(secrets(&client).contains(CA));
}

/// A renewed certificate is taken up while calls go on, a pair of which only half is there is not.
pub(crate) async fn a_renewal_disturbs_nobody(mut world: World) {
    let authority = Authority::new("ca");
    let (_server, client) = start(&mut world);
    let outside = world.task(TaskSpec::plain("outside"));
    let first = authority.issue(&["server.local"]);
    let certificate = first.as_acm(&world, CERTIFICATE);
    let trust = authority.as_private_ca(&world, CA);
    world.apply(mesh(&certificate, &by(&trust)));
    let load = Load::start(&client, &Call::get(SERVICE), 4);
    let tls = Tls::to("server.local", &authority);
    let shown = async || {
        outside
            .certificate("server.local:8080", &tls)
            .await
            .expect("a certificate")
    };
    assert_eq!(shown().await, first.der());

    let second = authority.issue(&["server.local"]);
    let directory = world.directory().join("certificates").join(CERTIFICATE);
    fs::write(directory.join("key.pem"), &second.key).expect("the directory is writable");
    eventually("the fault is told", async || !faults(&world).is_empty()).await;
    assert_eq!(shown().await, first.der(), "half of a pair is none");

    second.as_acm(&world, CERTIFICATE);
    eventually("the new certificate is shown", async || {
        shown().await == second.der()
    })
    .await;
    eventually("all is well", async || faults(&world).is_empty()).await;
    load.stop().await.assert_undisturbed();
}

/// What needs a certificate that there is no file of fails and is reported; nothing else waits for it.
pub(crate) async fn what_is_missing_fails_closed(mut world: World) {
    let authority = Authority::new("ca");
    let (server, client) = start(&mut world);
    let plain = world.task(TaskSpec::node("plain").app(App::http(8080)));
    world.name("plain.local", [&plain]);
    let missing = format!("{{ acm: {{ certificateArn: '{CERTIFICATE}' }} }}");
    let backends = "{ backends: [{ virtualService: { virtualServiceName: svc.local } },
                                 { virtualService: { virtualServiceName: plain.local } }] }";
    world.apply(
        mesh(&missing, "")
            .node("client", backends)
            .node(
                "plain",
                "{ listeners: [{ portMapping: { port: 8080, protocol: http } }],
                   serviceDiscovery: { dns: { hostname: plain.local } } }",
            )
            .service_of_node("plain.local", "plain"),
    );
    assert_eq!(client.get("http://plain.local:8080/").await, "plain");
    assert_eq!(client.status(SERVICE).await, 503);
    assert_eq!(server.app(8080).requests(), 0);
    assert_eq!(faults(&world).len(), 2, "the server's and the client's");

    authority.issue(&["server.local"]).as_acm(&world, CERTIFICATE);
    eventually("it is there", async || client.status(SERVICE).await == 200).await;
    assert!(faults(&world).is_empty());
}

/// Certificates that cannot be used, as diagnostics tell.
fn faults(world: &World) -> Vec<String> {
    let mut found = world.diagnostics();
    found.retain(|code| code == "certificate-unavailable");
    found
}
