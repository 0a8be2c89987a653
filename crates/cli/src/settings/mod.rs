//! The settings of `serve`: as flags, as variables and in a TOML file, in this order of precedence.

mod quotas;
mod values;

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use evermesh_aws_api::Credentials;
use evermesh_control_plane::Options;
use serde::Deserialize;

use crate::arguments::AccountId;
use crate::failure::Unusable;
use quotas::QuotaSettings;
use values::{DnsForward, Exposed, one_or_many};
pub(crate) use values::{LogFormat, Region};

const DEFAULT_DATA_DIR: &str = "./evermesh-data";
const DEFAULT_LOG_LEVEL: &str = "info";
const API_PORT: u16 = 7070;
const XDS_PORT: u16 = 7071;
const DNS_PORT: u16 = 7053;

/// A settings file is written by hand.
const LARGEST_FILE: u64 = 1 << 20;

/// What can be set. Nothing set means the default, or, over a file, what the file says.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Directory of the database; made when it is not there [default: ./evermesh-data].
    #[arg(long, env = "EVERMESH_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Where the AWS APIs and Evermesh's own views are served; several with commas [default: 127.0.0.1:7070].
    #[arg(long, env = "EVERMESH_LISTEN", value_name = "ADDRESS", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    listen: Vec<SocketAddr>,

    /// Where proxies connect; several with commas [default: 127.0.0.1:7071].
    #[arg(
        long,
        env = "EVERMESH_XDS_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "one_or_many")]
    xds_listen: Vec<SocketAddr>,

    /// Where names are looked up, over UDP and TCP; several with commas [default: 127.0.0.1:7053].
    #[arg(
        long,
        env = "EVERMESH_DNS_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "one_or_many")]
    dns_listen: Vec<SocketAddr>,

    /// Listen beyond loopback without authentication: for api, xds, dns, or all of them.
    ///
    /// Without it, xDS and DNS, which know no authentication, listen on loopback only, and so does the API unless
    /// there is a credentials file. Whoever reaches an API that is open like this can change every mesh; whoever
    /// reaches xDS can read them, and have the keys of --certificates-dir.
    #[arg(
        long,
        env = "EVERMESH_INSECURE_LISTEN",
        value_name = "WHAT",
        value_delimiter = ',',
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    #[serde(deserialize_with = "one_or_many")]
    insecure_listen: Vec<Exposed>,

    /// Region of requests that are not signed for another [default: us-west-2].
    #[arg(long, env = "EVERMESH_REGION", value_name = "REGION")]
    region: Option<Region>,

    /// Account of callers whose credentials do not say another [default: 000000000000].
    #[arg(long, env = "EVERMESH_ACCOUNT_ID", value_name = "ID")]
    account_id: Option<AccountId>,

    /// Who may call the API and see proxies and diagnostics: a file in the format of ~/.aws/credentials. Without it
    /// nobody is asked.
    #[arg(long, env = "EVERMESH_CREDENTIALS_FILE", value_name = "FILE")]
    credentials_file: Option<PathBuf>,

    /// Directory of the certificates and authorities that meshes name by ARN: `<ARN>/chain.pem` and `key.pem`, and
    /// `<ARN>/ca.pem`; changes are followed. Whoever reaches xDS can have the keys.
    #[arg(long, env = "EVERMESH_CERTIFICATES_DIR", value_name = "DIR")]
    certificates_dir: Option<PathBuf>,

    /// Names that the DNS server answers, in the format of /etc/hosts; changes are followed.
    #[arg(long, env = "EVERMESH_HOSTS_FILE", value_name = "FILE")]
    hosts_file: Option<PathBuf>,

    /// Instances of AWS Cloud Map services, by which virtual nodes are found, in YAML or JSON; changes are followed.
    #[arg(long, env = "EVERMESH_CLOUD_MAP_FILE", value_name = "FILE")]
    cloud_map_file: Option<PathBuf>,

    /// Where other names are asked for: system (/etc/resolv.conf), off, or addresses with commas [default: system].
    #[arg(long, env = "EVERMESH_DNS_FORWARD", value_name = "WHERE")]
    dns_forward: Option<DnsForward>,

    /// For how many seconds an answer from the hosts file may be kept [default: 5].
    #[arg(long, env = "EVERMESH_DNS_TTL", value_name = "SECONDS")]
    dns_ttl: Option<u32>,

    /// Form of the log on standard error [default: text].
    #[arg(long, env = "EVERMESH_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, trace, or a list of target=level [default: info].
    #[arg(long, env = "EVERMESH_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,

    #[command(flatten)]
    quotas: QuotaSettings,
}

impl Settings {
    /// These settings, and those of a file where these say nothing.
    pub(crate) fn over_file(self, path: &Path) -> Result<Self> {
        let file = read(path)?;
        Ok(Self {
            data_dir: self.data_dir.or(file.data_dir),
            listen: non_empty(self.listen, file.listen),
            xds_listen: non_empty(self.xds_listen, file.xds_listen),
            dns_listen: non_empty(self.dns_listen, file.dns_listen),
            insecure_listen: non_empty(self.insecure_listen, file.insecure_listen),
            region: self.region.or(file.region),
            account_id: self.account_id.or(file.account_id),
            credentials_file: self.credentials_file.or(file.credentials_file),
            certificates_dir: self.certificates_dir.or(file.certificates_dir),
            hosts_file: self.hosts_file.or(file.hosts_file),
            cloud_map_file: self.cloud_map_file.or(file.cloud_map_file),
            dns_forward: self.dns_forward.or(file.dns_forward),
            dns_ttl: self.dns_ttl.or(file.dns_ttl),
            log_format: self.log_format.or(file.log_format),
            log_level: self.log_level.or(file.log_level),
            quotas: self.quotas.or(file.quotas),
        })
    }

    pub(crate) fn log_format(&self) -> LogFormat {
        self.log_format.unwrap_or_default()
    }

    pub(crate) fn log_level(&self) -> &str {
        self.log_level.as_deref().unwrap_or(DEFAULT_LOG_LEVEL)
    }

    pub(crate) fn api_addresses(&self) -> Vec<SocketAddr> {
        or_loopback(&self.listen, API_PORT)
    }

    pub(crate) fn xds_addresses(&self) -> Vec<SocketAddr> {
        or_loopback(&self.xds_listen, XDS_PORT)
    }

    pub(crate) fn dns_addresses(&self) -> Vec<SocketAddr> {
        or_loopback(&self.dns_listen, DNS_PORT)
    }

    /// What the control plane is started with; reads the credentials file.
    pub(crate) fn options(self) -> Result<Options> {
        let mut options = Options::new(self.data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.into()));
        if let Some(region) = self.region {
            options.region = region.into_string();
        }
        if let Some(account) = &self.account_id {
            account.as_str().clone_into(&mut options.account);
        }
        if let Some(path) = &self.credentials_file {
            let credentials = Credentials::read(path).map_err(|error| {
                let error = anyhow::Error::new(error);
                Unusable(format!("{error:#} ({})", path.display()))
            })?;
            options.credentials = Some(credentials);
        }
        if let Some(forward) = self.dns_forward {
            options.forward = forward.0;
        }
        if let Some(seconds) = self.dns_ttl {
            options.dns_ttl = Duration::from_secs(seconds.into());
        }
        options.certificates = self.certificates_dir;
        options.hosts = self.hosts_file;
        options.cloud_map_file = self.cloud_map_file;
        options.quotas = self.quotas.into_quotas();
        Ok(options)
    }

    /// Refuses to listen beyond loopback without authentication, unless the user has said so.
    pub(crate) fn check_exposure(&self) -> Result<(), Unusable> {
        let api = match self.credentials_file {
            Some(_) => Vec::new(),
            None => self.api_addresses(),
        };
        for (what, flag, addresses, remedy) in [
            (
                Exposed::Api,
                "--listen",
                api,
                "give --credentials-file, or allow it with --insecure-listen=api",
            ),
            (
                Exposed::Xds,
                "--xds-listen",
                self.xds_addresses(),
                "allow it with --insecure-listen=xds",
            ),
            (
                Exposed::Dns,
                "--dns-listen",
                self.dns_addresses(),
                "allow it with --insecure-listen=dns",
            ),
        ] {
            let allowed = self.insecure_listen.iter().any(|exposed| exposed.covers(what));
            let beyond = addresses
                .iter()
                .find(|address| !address.ip().to_canonical().is_loopback());
            if let Some(address) = beyond.filter(|_| !allowed) {
                return Err(Unusable(format!(
                    "{flag} {address} would be open to everybody who can reach it, without authentication; {remedy}"
                )));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Settings> {
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text));
    let read = file.map_err(|error| {
        Unusable(format!(
            "cannot read the settings file {}: {error}",
            path.display()
        ))
    })?;
    if read as u64 > LARGEST_FILE {
        return Err(Unusable(format!(
            "the settings file {} is larger than 1 MiB",
            path.display()
        ))
        .into());
    }
    toml::from_str(&text)
        .map_err(|error| Unusable(error.to_string().trim_end().to_owned()))
        .with_context(|| format!("the settings file {} is not usable", path.display()))
}

fn non_empty<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    if first.is_empty() { second } else { first }
}

fn or_loopback(addresses: &[SocketAddr], port: u16) -> Vec<SocketAddr> {
    if addresses.is_empty() {
        return vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)];
    }
    addresses.to_vec()
}

#[cfg(test)]
mod tests;
