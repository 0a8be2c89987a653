//! How long the lists are at most that the service model leaves open, so that one spec is not a thousand listeners.
//!
//! Each is more than what it stands for has elsewhere. `backends` is not here: it has a quota, which the service keeps.

use super::Rules;

/// Listeners of a virtual node, router or gateway: the ports that ECS reserves on one container instance.
pub(super) const MOST_LISTENERS: usize = 100;

/// Ports of a client policy: those of ten virtual routers.
pub(super) const MOST_PORTS: usize = 1000;

/// Subject alternative names: so many virtual nodes has a mesh by its quota, and a listener can name each as a client.
pub(super) const MOST_NAMES: usize = 2000;

/// Members of a JSON access log: CloudWatch Logs Insights finds no more fields in an event.
pub(super) const MOST_LOG_MEMBERS: usize = 200;

/// Attributes of instances in AWS Cloud Map, of which an instance has up to 30.
pub(super) const MOST_ATTRIBUTES: usize = 100;

impl Rules {
    /// A list of `items` has `most` at most.
    pub(super) fn at_most<T>(&mut self, step: &str, items: &[T], most: usize) {
        if items.len() > most {
            let message = format!("must have at most {most} items, has {}", items.len());
            self.fail_at(step, message);
        }
    }
}
