//! The sidecar of a task: `evermesh-proxy run --engine envoy`, and what its Envoy tells of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Child;
use std::sync::{Arc, Mutex};

use evermesh_task::Task;
use evermesh_testkit::{DEADLINE, Response, wait_until};
use serde_json::Value;

const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9901);

/// A running sidecar; killed on drop.
pub(crate) struct Sidecar {
    resource: String,
    task: Arc<Task>,
    process: Mutex<Child>,
}

impl Sidecar {
    pub(crate) fn new(resource: String, task: Arc<Task>, process: Child) -> Self {
        Self {
            resource,
            task,
            process: Mutex::new(process),
        }
    }

    /// Whether this is it among the control plane's proxies.
    pub(crate) fn is(&self, proxy: &Value) -> bool {
        let address = proxy["address"].as_str().and_then(|text| text.parse().ok());
        let own = address.is_some_and(|address: SocketAddr| {
            address.ip() == self.task.ipv4() || self.task.ipv6().is_some_and(|own| address.ip() == own)
        });
        own && proxy["nodeId"] == *self.resource
    }

    /// Waits until Envoy is live, and has nothing that waits for something else before it is used.
    pub(crate) fn wait_until_warm(&self) {
        let what = format!("the sidecar of {} is warm", self.task.name());
        wait_until(&what, DEADLINE, || {
            let live = self.get("/ready")?.body.contains("LIVE");
            let is_warm = self.stats("warming").values().all(|count| *count == 0);
            (live && is_warm).then_some(())
        });
    }

    /// Every statistic whose name contains a text.
    pub(crate) fn stats(&self, part: &str) -> BTreeMap<String, u64> {
        let text = self.get("/stats").map(|answer| answer.body).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let wanted = lines.filter(|(name, _)| name.contains(part));
        wanted
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// An answer of Envoy's admin interface; `None` while there is none.
    pub(crate) fn get(&self, path: &str) -> Option<Response> {
        self.request("GET", path)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Option<Response> {
        let answer = self
            .task
            .run_in(|| evermesh_testkit::request(ADMIN, method, path));
        answer.expect("the task is there").ok()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }
}
