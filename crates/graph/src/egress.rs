//! What goes out of one proxy: the virtual services that it calls. Not what they are, which is the same for all callers.

use std::collections::BTreeSet;

use evermesh_model::spec::{ClientPolicyTls, EgressFilterType};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::policy;
use crate::ports::Ports;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::service::Service;
use crate::supplied::NamedAddresses;
use crate::tls_agreement;
use crate::view::{Egress, Timeouts};

/// How services are called.
#[derive(Clone, Copy)]
pub(crate) struct ClientPolicy<'a, 'p> {
    /// What is said of TLS.
    pub(crate) tls: Option<&'a ClientPolicyTls>,
    /// Where it is said; without a policy, where services are referred to.
    pub(crate) place: &'p Place<'p>,
}

/// Collects the egress of a view, service by service.
pub(crate) struct EgressBuilder<'a> {
    resolver: &'a Resolver<'a>,
    report: &'a mut Report,
    defaults: ClientPolicy<'a, 'a>,
    added: BTreeSet<&'a str>,
    ports: Ports<'a>,
}

impl<'a> EgressBuilder<'a> {
    /// `defaults` is for services that are called because a route leads there.
    pub(crate) fn new(
        resolver: &'a Resolver<'_>,
        report: &'a mut Report,
        defaults: ClientPolicy<'a, 'a>,
    ) -> Self {
        Self {
            resolver,
            report,
            defaults,
            added: BTreeSet::new(),
            ports: Ports::default(),
        }
    }

    pub(crate) fn resolver(&self) -> &'a Resolver<'a> {
        self.resolver
    }

    /// Where diagnostics go while the egress is collected.
    pub(crate) fn report(&mut self) -> &mut Report {
        self.report
    }

    /// Makes a virtual service reachable, once.
    pub(crate) fn add(&mut self, service: &'a Service, policy: ClientPolicy<'a, '_>) {
        if self.added.insert(service.id.name()) {
            self.report.repeat(&service.diagnostics);
            tls_agreement::check(self.resolver.mesh(), service, policy, self.report);
            self.ports.add(service, policy.tls, self.report);
        }
    }

    /// Makes the virtual service of a name reachable; answers the ports on which it takes requests, ordered. A service
    /// that does not exist has none.
    pub(crate) fn add_named(&mut self, name: &str) -> Vec<u16> {
        match self.resolver.service(name) {
            Some(service) => self.add(service, self.defaults),
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

    /// What was added, and what the mesh says of everything else. `known` as for [`Resolver::resolve_with`].
    pub(crate) fn finish(self, known: &NamedAddresses) -> Egress {
        let allow_all = allow_all(self.resolver.mesh());
        self.ports.finish(allow_all, known, self.report)
    }
}

fn allow_all(mesh: &MeshSnapshot) -> bool {
    mesh.spec
        .egress_filter
        .as_ref()
        .is_some_and(|filter| filter.r#type == EgressFilterType::AllowAll)
}
