//! Users' walkthroughs replayed: real programs, traffic as on App Mesh.

mod colorapp;
mod fargate;
mod getting_started;
mod howto_alb;
mod howto_circuit_breakers;
mod howto_cross_account;
mod howto_ecs_basics;
mod howto_external_traffic;
mod howto_grpc;
mod howto_grpc_ingress_gateway;
mod howto_http2;
mod howto_http_headers;
mod howto_http_retries;
mod howto_ingress_gateway;
mod howto_ipv6;
mod howto_match_and_rewrite_at_ingress;
mod howto_multiple_listeners;
mod howto_mutual_tls_file_provided;
mod howto_mutual_tls_file_provided_by_acm;
mod howto_outlier_detection;
mod howto_servicediscovery_cloudmap;
mod howto_timeout_policy;
mod howto_tls_file_provided;
mod tls_with_acm;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&evermesh_e2e::cases![
        colorapp::replay,
        fargate::replay,
        getting_started::replay,
        howto_alb::replay,
        howto_circuit_breakers::replay,
        howto_cross_account::replay,
        howto_ecs_basics::replay,
        howto_external_traffic::replay,
        howto_grpc::replay,
        howto_grpc_ingress_gateway::replay,
        howto_http2::replay,
        howto_http_headers::replay,
        howto_http_retries::replay,
        howto_ingress_gateway::replay,
        howto_ipv6::replay,
        howto_match_and_rewrite_at_ingress::replay,
        howto_multiple_listeners::replay,
        howto_mutual_tls_file_provided::replay,
        howto_mutual_tls_file_provided_by_acm::replay,
        howto_outlier_detection::replay,
        howto_servicediscovery_cloudmap::replay,
        howto_timeout_policy::replay,
        howto_tls_file_provided::replay,
        tls_with_acm::replay,
    ])
}
