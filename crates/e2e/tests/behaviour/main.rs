//! What each feature of a mesh does to traffic, seen through real Envoys: the pinned one and the oldest.

mod connection_pools;
mod control_plane_away;
mod discovery;
mod egress;
mod gateways;
mod grpc_routes;
mod health_checks;
mod listeners;
mod logging;
mod matches;
mod one_server;
mod retries;
mod retry_events;
mod targets;
mod tcp;
mod timeouts;
mod tls;
mod tls_acm;
mod undisturbed;
mod weights;

use std::process::ExitCode;

fn main() -> ExitCode {
    evermesh_e2e::run(&evermesh_e2e::cases![
        connection_pools::bound_what_a_gateway_lets_in,
        connection_pools::bound_what_the_application_gets,
        control_plane_away::a_change_before_they_are_back_disturbs_nobody,
        control_plane_away::nothing_is_sent_when_it_comes_back,
        discovery::a_load_balancer_is_one_host_and_endpoints_are_many,
        discovery::instances_of_cloud_map_come_and_go,
        egress::a_service_that_lost_its_host_is_no_outside,
        egress::everything_is_called_where_that_is_allowed,
        egress::nothing_but_backends_is_called_by_default,
        gateways::calls_of_grpc,
        gateways::every_condition,
        gateways::keeping_the_host_is_switched_without_a_failed_request,
        gateways::nobody_outside_says_where_a_request_goes,
        gateways::rewrites,
        gateways::routes_change_their_service_without_a_failed_request,
        grpc_routes::service_method_and_metadata,
        listeners::of_gateways,
        listeners::of_routers_and_nodes,
        matches::every_condition,
        matches::the_order_of_routes,
        matches::the_scheme,
        health_checks::keep_traffic_from_tasks_that_are_not_well,
        logging::formats_are_text_and_json,
        retries::server_errors_are_tried_again,
        retries::the_default_policy,
        retry_events::of_connections,
        retry_events::of_grpc,
        retry_events::of_http,
        retry_events::of_streams,
        targets::ten_of_them_and_one_of_weight_zero,
        tcp::a_port_of_requests_takes_connections_by_address,
        tcp::routes_have_weights_and_ports,
        tcp::services_of_one_port_are_told_apart_by_address,
        timeouts::of_gateways_are_those_of_the_service,
        timeouts::of_quiet_connections,
        timeouts::of_quiet_streams,
        timeouts::of_requests,
        timeouts::streams_are_not_cut_without_a_limit,
        tls::enforcement,
        tls::files_are_renewed,
        tls::gateways,
        tls::modes_of_listeners,
        tls::mutual,
        tls::secret_discovery_socket,
        tls::trust_and_names,
        tls::two_policies_for_one_listener,
        tls_acm::a_renewal_disturbs_nobody,
        tls_acm::what_is_missing_fails_closed,
        tls_acm::whom_clients_trust,
        undisturbed::a_service_changes_its_provider,
        undisturbed::http_becomes_http2_on_both_sides,
        undisturbed::listeners_come_and_go,
        undisturbed::renamed_by_create_switch_delete,
        undisturbed::routes_come_change_and_go,
        undisturbed::targets_and_backends_come_and_go,
        undisturbed::weights_move_by_one_percent,
        weights::move_without_a_failed_request,
    ])
}
