//! howto-outlier-detection: a task that fails is ejected, unless more than half of them do.

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, Tally, TaskSpec, World, eventually};

const MESH: &str = "howto-outlier-detection";
const COLOR: &str = "color.howto-outlier-detection.local";
const CLUSTER: &str = "cluster.cds_egress_howto-outlier-detection_color-node_http_8080";
const CALLS: usize = 200;
const TASKS: usize = 4;

fn node(listener: &str, hostname: &str, backends: &str) -> String {
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }}, {listener} healthCheck: {{ protocol: http,
              path: /ping, healthyThreshold: 2, unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }} }}],
            backends: [{backends}],
            serviceDiscovery: {{ dns: {{ hostname: {hostname}, responseType: ENDPOINTS }} }} }}"
    )
}

fn color_node(outlier_detection: &str) -> Manifests {
    Manifests::within(MESH).node("color-node", &node(outlier_detection, COLOR, ""))
}

fn detection(max_ejection_percent: u32) -> Manifests {
    color_node(&format!(
        "outlierDetection: {{ maxServerErrors: 5, maxEjectionPercent: {max_ejection_percent},
           interval: {{ value: 30, unit: s }}, baseEjectionDuration: {{ value: 10, unit: s }} }},"
    ))
}

pub(crate) async fn replay(mut world: World) {
    let task =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let url = format!("http://{COLOR}:8080/get");
    let front = world.task(task("front", "front-node").app(App::front(8080, Call::get(&url))));
    let colors: Vec<MeshTask> = (0..TASKS)
        .map(|number| world.task(task(&format!("color{number}"), "color-node").app(App::http(8080))))
        .collect();
    let user = world.task(TaskSpec::plain("user"));
    world.name("front.howto-outlier-detection.local", [&front]);
    world.name(COLOR, &colors);
    let backend = format!("{{ virtualService: {{ virtualServiceName: {COLOR} }} }}");
    let front_node = node("", "front.howto-outlier-detection.local", &backend);
    let mesh = Manifests::mesh(MESH, "{}")
        .node("front-node", &front_node)
        .service_of_node(COLOR, "color-node");
    world.apply(format!("{mesh}{}", color_node("")));
    let get = Call::get("http://front.howto-outlier-detection.local:8080/color/get");
    let calls = async || user.calls(&get, CALLS).await;
    eventually("all tasks take traffic", async || {
        user.calls(&get, 2 * TASKS).await.answers.len() == TASKS
    })
    .await;
    let before = calls().await;
    before.assert_no_failure();
    (0..TASKS).for_each(|number| before.assert_share(&format!("color{number}"), 25.0, 3.0));
    fault(&colors[0]);
    assert_failed(&calls().await, 45..=55);

    // One of four is more than that, and one is ejected whatever the percentage.
    world.apply(detection(0));
    let ejected = format!("{CLUSTER}.outlier_detection.ejections_active");
    let until_ejected = async |count: u64| {
        let mut failed = 0;
        eventually("so many tasks are ejected", async || {
            failed += calls().await.failed();
            front.stat(&ejected) == count
        })
        .await;
        failed
    };
    let failed = until_ejected(1).await;
    assert!((5..=10).contains(&failed), "{failed} of one that fails always");
    // Envoy takes changes of health together that come within a second, so an ejection may be in effect later. And one
    // may end meanwhile, and be renewed by the next calls.
    let until_at_most = async |failed: usize| {
        eventually("the ejected take no traffic", async || {
            calls().await.failed() <= failed
        })
        .await;
    };
    until_at_most(5).await;

    world.apply(detection(100));
    fault(&colors[1]);
    until_ejected(2).await;
    until_at_most(10).await;
    // Nobody was well yet either when the target got its other settings.
    let panics = format!("{CLUSTER}.lb_healthy_panic");
    let before = front.stat(&panics);
    fault(&colors[2]);
    until_ejected(3).await;
    eventually("it does not matter who is ejected", async || {
        user.calls(&get, TASKS).await;
        front.stat(&panics) > before
    })
    .await;
    assert_failed(&calls().await, 140..=160);
}

/// From now on the task answers requests with 500, and checks as before.
fn fault(task: &MeshTask) {
    task.app(8080).answer(|asked| match asked.path.as_str() {
        "/ping" => Answer::Status(200),
        _ => Answer::Status(500),
    });
}

#[track_caller]
fn assert_failed(tally: &Tally, expected: std::ops::RangeInclusive<usize>) {
    assert!(expected.contains(&tally.failed()), "not {expected:?}: {tally:?}");
    assert_eq!(tally.succeeded() + tally.failed(), CALLS);
}
