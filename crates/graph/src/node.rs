//! The view of a virtual node's proxy: its application's listeners, and the services it may call.

use std::borrow::Cow;

use evermesh_model::spec::{
    AccessLog as AccessLogSpec, Backend, BackendDefaults, ClientPolicy, JsonFormatRef, Listener,
    ListenerTlsMode, Logging, LoggingFormat,
};
use evermesh_model::spec::{EgressFilterType, PortProtocol, VirtualNodeSpec};
use evermesh_model::{Arn, Kind, MeshSnapshot, ResourceId};

use crate::address;
use crate::egress::Egresses;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::service::as_outside;
use crate::supplied::NamedAddresses;
use crate::view::{
    AccessLog, AppListener, EGRESS_PORT, INGRESS_PORT, Ingress, LogFormat, Protocol, ProxyView,
};

pub(crate) fn resolve(
    resolver: &Resolver<'_>,
    name: &str,
    spec: &VirtualNodeSpec,
    known: &NamedAddresses,
    report: &mut Report,
) -> ProxyView {
    let mesh = resolver.mesh();
    let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualNode, name);
    let place = Place::spec_of(&id);
    let listeners = app_listeners(spec, &place, report);
    let plain_by_default = may_be_plain_by_default(spec.backend_defaults.as_ref(), &place, report);

    let mut egresses = Egresses::new(resolver, report);
    for (index, Backend::VirtualService(backend)) in spec.backends.iter().flatten().enumerate() {
        let item = place.item("backends", index);
        let place = item.at("virtualService");
        let plain = match &backend.client_policy {
            Some(policy) => may_be_plain(Some(policy), &place, egresses.report()),
            None => plain_by_default,
        };
        let name = service_name(mesh, &backend.virtual_service_name);
        match resolver.service(&name) {
            None => {
                let message = format!("there is no virtual service {name}; {}", as_outside(&name));
                egresses
                    .report()
                    .warning(&place.at("virtualServiceName"), code::DANGLING_BACKEND, message);
            }
            Some(service) if plain => egresses.add(service),
            Some(service) => egresses.refuse(service),
        }
    }
    ProxyView {
        mesh: mesh.id.name.clone(),
        name: name.to_owned(),
        ingress: Ingress::VirtualNode(listeners),
        egress: egresses.finish(allow_all(mesh), known),
        network: address::node_network(mesh, spec),
        access_log: access_log(spec.logging.as_ref()),
    }
}

/// A backend may be given by the name of the virtual service or by its ARN (user guide, "Virtual nodes").
pub(crate) fn service_name<'a>(mesh: &MeshSnapshot, text: &'a str) -> Cow<'a, str> {
    let arn = text.starts_with("arn:").then(|| Arn::parse(text).ok()).flatten();
    let here =
        arn.filter(|arn| arn.resource.mesh() == &mesh.id && arn.resource.kind() == Kind::VirtualService);
    here.map_or(Cow::Borrowed(text), |arn| {
        Cow::Owned(arn.resource.name().to_owned())
    })
}

fn app_listeners(spec: &VirtualNodeSpec, place: &Place<'_>, report: &mut Report) -> Vec<AppListener> {
    let listeners = spec.listeners.iter().flatten().enumerate();
    listeners
        .filter_map(|(index, listener)| app_listener(listener, &place.item("listeners", index), report))
        .collect()
}

fn app_listener(listener: &Listener, place: &Place<'_>, report: &mut Report) -> Option<AppListener> {
    if wants_tls(listener) {
        report.not_translated(
            &place.at("tls"),
            Some(&()),
            "the listener is closed rather than served in plain text",
        );
        return None;
    }
    let port = listener.port_mapping.port;
    if [INGRESS_PORT, EGRESS_PORT].contains(&port) {
        let message = format!(
            "port {port} is the proxy's own, no application can listen there; the listener is left out"
        );
        report.error(&place.at("portMapping.port"), code::PORT_CONFLICT, message);
        return None;
    }
    Some(AppListener {
        port,
        protocol: protocol(listener.port_mapping.protocol),
        timeouts: policy::listener_timeouts(listener.timeout.as_ref()),
        limits: policy::node_limits(listener.connection_pool.as_ref()),
    })
}

pub(crate) fn wants_tls(listener: &Listener) -> bool {
    listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.mode != ListenerTlsMode::Disabled)
}

pub(crate) fn protocol(protocol: PortProtocol) -> Protocol {
    match protocol {
        PortProtocol::Http => Protocol::Http,
        PortProtocol::Http2 => Protocol::Http2,
        PortProtocol::Grpc => Protocol::Grpc,
        PortProtocol::Tcp => Protocol::Tcp,
    }
}

pub(crate) fn allow_all(mesh: &MeshSnapshot) -> bool {
    mesh.spec
        .egress_filter
        .as_ref()
        .is_some_and(|filter| filter.r#type == EgressFilterType::AllowAll)
}

pub(crate) fn access_log(logging: Option<&Logging>) -> Option<AccessLog> {
    let AccessLogSpec::File(file) = logging?.access_log.as_ref()?;
    let format = file.format.as_ref().map(|format| match format {
        LoggingFormat::Text(text) => LogFormat::Text(text.clone()),
        LoggingFormat::Json(members) => {
            let member = |member: &JsonFormatRef| (member.key.clone(), member.value.clone());
            LogFormat::Json(members.iter().map(member).collect())
        }
    });
    Some(AccessLog {
        path: file.path.clone(),
        format,
    })
}

/// [`may_be_plain`] for what says nothing of its own.
pub(crate) fn may_be_plain_by_default(
    defaults: Option<&BackendDefaults>,
    place: &Place<'_>,
    report: &mut Report,
) -> bool {
    let policy = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    may_be_plain(policy, &place.at("backendDefaults"), report)
}

/// Whether traffic under this client policy may go in plain text. A policy that enforces TLS forbids it.
pub(crate) fn may_be_plain(policy: Option<&ClientPolicy>, place: &Place<'_>, report: &mut Report) -> bool {
    let Some(tls) = policy.and_then(|policy| policy.tls.as_ref()) else {
        return true;
    };
    let enforced = tls.enforce.unwrap_or(true);
    let instead = if enforced {
        "calls are refused rather than made in plain text"
    } else {
        "calls are made in plain text, which the policy allows"
    };
    report.not_translated(&place.at("clientPolicy.tls"), Some(tls), instead);
    !enforced
}
