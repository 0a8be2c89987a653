//! What goes out of one proxy: the virtual services that it calls. Not what they are, which is the same for all callers.

use std::collections::BTreeSet;

use evermesh_model::{Kind, ResourceId};

use crate::defaults;
use crate::policy;
use crate::ports::Ports;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::service::Service;
use crate::supplied::NamedAddresses;
use crate::view::{Egress, Timeouts};

/// Collects the egress of a view, service by service.
pub(crate) struct Egresses<'a> {
    resolver: &'a Resolver<'a>,
    report: &'a mut Report,
    added: BTreeSet<&'a str>,
    ports: Ports<'a>,
}

impl<'a> Egresses<'a> {
    pub(crate) fn new(resolver: &'a Resolver<'_>, report: &'a mut Report) -> Self {
        Self {
            resolver,
            report,
            added: BTreeSet::new(),
            ports: Ports::default(),
        }
    }

    /// Where diagnostics go while the egress is collected.
    pub(crate) fn report(&mut self) -> &mut Report {
        self.report
    }

    /// Makes a virtual service reachable, once.
    pub(crate) fn add(&mut self, service: &'a Service) {
        if self.added.insert(service.id.name()) {
            self.report.repeat(&service.diagnostics);
            self.ports.add(service, self.report);
        }
    }

    /// Makes a virtual service known and closes it: calls are answered with 503 or cut rather than let out of the mesh.
    pub(crate) fn refuse(&mut self, service: &'a Service) {
        self.add(service);
        self.ports.close(service.id.name());
    }

    /// Makes the virtual service of a name reachable; answers the ports on which it takes requests, ordered. A service
    /// that does not exist has none.
    pub(crate) fn add_named(&mut self, name: &str) -> Vec<u16> {
        match self.resolver.service(name) {
            Some(service) => self.add(service),
            None => {
                let mesh = self.resolver.mesh().id.clone();
                let id = ResourceId::in_mesh(mesh, Kind::VirtualService, name);
                let message = format!("there is no virtual service {name}");
                self.report
                    .error(&Place::spec_of(&id), code::DANGLING_REFERENCE, message);
            }
        }
        self.ports.of(name)
    }

    /// The longest timeouts of a service's routes on a port; the defaults when it has no route.
    pub(crate) fn longest_timeouts(&self, name: &str, port: u16) -> Timeouts {
        let timeouts = self.ports.routes(name, port).map(|route| route.timeouts);
        timeouts.reduce(policy::longest).unwrap_or(defaults::TIMEOUTS)
    }

    pub(crate) fn finish(self, allow_all: bool, known: &NamedAddresses) -> Egress {
        self.ports.finish(allow_all, known, self.report)
    }
}
