//! The tracing variables: at most one driver, or the user's own file.

use std::path::PathBuf;

use serde_json::Value;

use super::endpoint::{Host, parse_host};
use super::error::Problem;
use super::identity::Identity;
use super::overrides::SectionError;
use super::reader::Reader;
use super::variables::{self as var, Variable};

/// Where spans go.
#[derive(Debug, Clone, PartialEq)]
pub enum Tracing {
    /// The X-Ray daemon on 127.0.0.1, over UDP.
    XRay {
        /// Its port.
        port: u16,
        /// Name of the segments.
        segment_name: String,
        /// Which requests are traced.
        sampling: XRaySampling,
    },
    /// A Datadog agent, over HTTP.
    Datadog {
        /// Its host.
        host: Host,
        /// Its port.
        port: u16,
        /// Name of the service in Datadog.
        service: String,
    },
    /// A Jaeger collector, over Zipkin's v2 API.
    Jaeger {
        /// Its host.
        host: Host,
        /// Its port.
        port: u16,
        /// How spans are written.
        encoding: SpanEncoding,
    },
}

/// Which requests X-Ray traces.
#[derive(Debug, Clone, PartialEq)]
pub enum XRaySampling {
    /// Envoy's default: the first request of every second, and 5 % of the rest.
    Default,
    /// The first request of every second, and this share (0 to 1) of the rest.
    Rate(f64),
    /// A file that Envoy reads.
    Manifest(PathBuf),
}

/// Encodings of Zipkin's v2 API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanEncoding {
    /// Protobuf.
    Proto,
    /// JSON.
    Json,
}

/// Reads one driver's variables; the text is `<mesh>/<resource>`, the default of its names.
type ReadDriver = fn(&mut Reader<'_>, &str) -> Option<Tracing>;

/// Reads the driver. Values of drivers that are off are not looked at: users leave them behind.
pub(super) fn read(reader: &mut Reader<'_>, identity: Option<&Identity>) -> Option<Tracing> {
    let drivers: [(&'static Variable, ReadDriver); 3] = [
        (&var::XRAY, xray),
        (&var::DATADOG, datadog),
        (&var::JAEGER, jaeger),
    ];
    let mut chosen = drivers
        .into_iter()
        .filter(|(switch, _)| reader.flag(switch))
        .collect::<Vec<_>>();
    if reader.is_set(&var::TRACING_FILE) {
        for (switch, _) in chosen {
            reader.notice(switch, format!("{} is set and wins", var::TRACING_FILE.name));
        }
        return None;
    }
    for (switch, _) in chosen.iter().skip(1) {
        reader.reject(switch, Problem::ConflictsWith(chosen[0].0.name));
    }
    chosen.truncate(1);
    let resource = identity
        .map(|identity| format!("{}/{}", identity.mesh(), identity.name()))
        .unwrap_or_default();
    chosen.pop().and_then(|(_, read)| read(reader, &resource))
}

fn xray(reader: &mut Reader<'_>, resource: &str) -> Option<Tracing> {
    Some(Tracing::XRay {
        port: reader.integer(&var::XRAY_PORT)?,
        segment_name: reader
            .text(&var::XRAY_SEGMENT)
            .unwrap_or_else(|| resource.to_owned()),
        sampling: xray_sampling(reader),
    })
}

fn xray_sampling(reader: &mut Reader<'_>) -> XRaySampling {
    let rate = reader.parsed(&var::XRAY_RATE, |text| match text.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(Problem::NotANumber),
    });
    let Some(path) = reader.text(&var::XRAY_MANIFEST) else {
        return rate.map_or(XRaySampling::Default, XRaySampling::Rate);
    };
    if let Some(content) = reader.file(&var::XRAY_MANIFEST, &path) {
        // Envoy falls back to its default rules without a word when it cannot use the manifest.
        let version = serde_json::from_slice::<Value>(&content)
            .ok()
            .and_then(|json| json["version"].as_u64());
        if version != Some(2) {
            let reason = SectionError::Manifest;
            reader.reject(
                &var::XRAY_MANIFEST,
                Problem::Content {
                    path: path.clone().into(),
                    reason,
                },
            );
        }
    }
    XRaySampling::Manifest(path.into())
}

fn datadog(reader: &mut Reader<'_>, resource: &str) -> Option<Tracing> {
    Some(Tracing::Datadog {
        host: host(reader, &var::DATADOG_ADDRESS)?,
        port: reader.integer(&var::DATADOG_PORT)?,
        service: reader
            .text(&var::DATADOG_SERVICE)
            .unwrap_or_else(|| format!("envoy-{resource}")),
    })
}

fn jaeger(reader: &mut Reader<'_>, _resource: &str) -> Option<Tracing> {
    Some(Tracing::Jaeger {
        host: host(reader, &var::JAEGER_ADDRESS)?,
        port: reader.integer(&var::JAEGER_PORT)?,
        encoding: match reader.word(&var::JAEGER_VERSION)? {
            "JSON" => SpanEncoding::Json,
            _ => SpanEncoding::Proto,
        },
    })
}

fn host(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<Host> {
    reader.parsed(variable, |text| parse_host(text).ok_or(Problem::NotAHost))
}
