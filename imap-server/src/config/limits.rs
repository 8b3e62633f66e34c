//! `[limits]`: what an operator sets of [`Limits`].

use std::time::Duration;

use serde::Deserialize;

use crate::Limits;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct LimitsSection {
    connections_max: Option<usize>,
    connections_per_address_max: Option<usize>,
    left_per_address_max: Option<u32>,
    connections_per_user_max: Option<usize>,
    line_octets_before_login_max: Option<usize>,
    line_octets_max: Option<usize>,
    literal_octets_max: Option<u64>,
    literals_max: Option<usize>,
    message_octets_max: Option<u64>,
    bad_commands_max: Option<u32>,
    failed_logins_max: Option<u32>,
    search_threads: Option<usize>,
    handshakes_max: Option<usize>,
    handshake_seconds: Option<u64>,
    login_seconds: Option<u64>,
    idle_seconds: Option<u64>,
    idle_command_seconds: Option<u64>,
    receive_seconds: Option<u64>,
    send_seconds: Option<u64>,
    pub(super) stop_seconds: Option<u64>,
}

impl LimitsSection {
    pub(super) fn into_limits(self) -> Limits {
        let default = Limits::default();
        let seconds = |asked: Option<u64>, default| asked.map_or(default, Duration::from_secs);
        Limits {
            connections_max: self.connections_max.unwrap_or(default.connections_max),
            connections_per_address_max: self
                .connections_per_address_max
                .unwrap_or(default.connections_per_address_max),
            left_per_address_max: self.left_per_address_max.unwrap_or(default.left_per_address_max),
            connections_per_user_max: self
                .connections_per_user_max
                .unwrap_or(default.connections_per_user_max),
            line_octets_before_login_max: self
                .line_octets_before_login_max
                .unwrap_or(default.line_octets_before_login_max),
            line_octets_max: self.line_octets_max.unwrap_or(default.line_octets_max),
            literal_octets_max: self.literal_octets_max.unwrap_or(default.literal_octets_max),
            literals_max: self.literals_max.unwrap_or(default.literals_max),
            message_octets_max: self.message_octets_max.unwrap_or(default.message_octets_max),
            bad_commands_max: self.bad_commands_max.unwrap_or(default.bad_commands_max),
            failed_logins_max: self.failed_logins_max.unwrap_or(default.failed_logins_max),
            search_threads: self.search_threads.unwrap_or(default.search_threads).max(1),
            handshakes_max: self.handshakes_max.unwrap_or(default.handshakes_max),
            handshake_timeout: seconds(self.handshake_seconds, default.handshake_timeout),
            login_timeout: seconds(self.login_seconds, default.login_timeout),
            idle_timeout: seconds(self.idle_seconds, default.idle_timeout),
            idle_command_timeout: seconds(self.idle_command_seconds, default.idle_command_timeout),
            receive_timeout: seconds(self.receive_seconds, default.receive_timeout),
            send_timeout: seconds(self.send_seconds, default.send_timeout),
            ..default
        }
    }
}
