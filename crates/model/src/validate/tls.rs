//! Rules of TLS: names of certificates, and wildcards (user guide, "Transport Layer Security").

use super::{Rules, lists};
use crate::spec::{
    ClientPolicyTls, ListenerTls, ListenerTlsCertificate, SubjectAlternativeNames, TlsValidationContextTrust,
};

pub(super) fn check_client(rules: &mut Rules, tls: &ClientPolicyTls) {
    let enforced = tls.enforce.unwrap_or(true);
    let ports = tls.ports.as_deref().unwrap_or_default();
    rules.at_most("ports", ports, lists::MOST_PORTS);
    for (index, port) in ports.iter().enumerate() {
        if *port == 0 {
            rules.fail_at(&format!("ports[{index}]"), "must be 1 to 65535, is 0");
        }
    }
    rules.at("validation", |rules| {
        if let TlsValidationContextTrust::Acm(trust) = &tls.validation.trust {
            rules.each(
                "trust.acm.certificateAuthorityArns",
                &trust.certificate_authority_arns,
                |rules, text| {
                    aws_arn(rules, text, "acm-pca");
                },
            );
        }
        subject_alternative_names(
            rules,
            tls.validation.subject_alternative_names.as_ref(),
            !enforced,
        );
    });
}

pub(super) fn check_listener(rules: &mut Rules, tls: &ListenerTls) {
    if let ListenerTlsCertificate::Acm(certificate) = &tls.certificate {
        rules.at("certificate.acm.certificateArn", |rules| {
            aws_arn(rules, &certificate.certificate_arn, "acm")
        });
    }
    if let Some(validation) = &tls.validation {
        rules.at("validation", |rules| {
            subject_alternative_names(rules, validation.subject_alternative_names.as_ref(), true);
        });
    }
}

/// Names are host names or URIs. A client that enforces TLS cannot accept a wildcard.
fn subject_alternative_names(rules: &mut Rules, names: Option<&SubjectAlternativeNames>, wildcards: bool) {
    let Some(names) = names else { return };
    rules.at("subjectAlternativeNames.match", |rules| {
        if names.r#match.exact.is_empty() {
            rules.fail_at("exact", "must name at least one");
        }
        rules.at_most("exact", &names.r#match.exact, lists::MOST_NAMES);
        rules.each("exact", &names.r#match.exact, |rules, name: &String| {
            let length = name.chars().count();
            if !(1..=254).contains(&length) {
                rules.fail(format!("must be 1 to 254 characters long, is {length}"));
            } else if name.contains('*') && !wildcards {
                rules.fail("must not be a wildcard while the client policy enforces TLS");
            } else if name.contains('*') && (!name.starts_with("*.") || name[1..].contains('*')) {
                rules.fail("a wildcard must be the whole first label, such as *.example.com");
            }
        });
    });
}

fn aws_arn(rules: &mut Rules, text: &str, service: &str) {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let fits =
        matches!(parts.as_slice(), ["arn", _, s, _, _, resource] if *s == service && !resource.is_empty());
    if !fits {
        rules.fail(format!(
            "must be an ARN of the form arn:<partition>:{service}:<region>:<account>:<resource>"
        ));
    }
}
