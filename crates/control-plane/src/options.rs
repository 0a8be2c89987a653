//! How a control plane is to be, and what it is unless somebody says otherwise.

use std::path::PathBuf;
use std::time::Duration;

use evermesh_aws_api::Credentials;
use evermesh_discovery::Forward;
use evermesh_service::Quotas;

use crate::supply::Supplies;

/// How a control plane is to be.
#[derive(Debug)]
pub struct Options {
    /// Where the database is; made when it is not there.
    pub data_dir: PathBuf,
    /// Account of callers whose credentials do not say another, twelve digits.
    pub account: String,
    /// Region of requests that are not signed for another.
    pub region: String,
    /// First part of ARNs.
    pub partition: String,
    /// How many resources there may be.
    pub quotas: Quotas,
    /// Who may call the AWS endpoints and read the views of [`admin`](crate::admin). `None`: whoever can connect.
    pub credentials: Option<Credentials>,
    /// Names that the DNS server answers, in hosts format. `None`: it only forwards.
    pub hosts: Option<PathBuf>,
    /// Where the DNS server asks for other names.
    pub forward: Forward,
    /// How long an answer from the hosts file may be kept.
    pub dns_ttl: Duration,
    /// Where PEM files of ACM's certificates and private CAs are, see `docs/operate.md`; instead of the secrets of
    /// `supplies`.
    pub certificates: Option<PathBuf>,
    /// Instances of Cloud Map services: a file, see [`RegistryFile`](evermesh_discovery::RegistryFile). `None`: those of `supplies`.
    pub cloud_map_file: Option<PathBuf>,
    /// What configurations are made of besides meshes. Where DNS is served, addresses are what the server answers.
    pub supplies: Supplies,
}

impl Options {
    /// The defaults, with the data in a directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            account: DEFAULT_ACCOUNT.to_owned(),
            region: DEFAULT_REGION.to_owned(),
            partition: "aws".to_owned(),
            quotas: Quotas::default(),
            credentials: None,
            hosts: None,
            forward: Forward::System,
            dns_ttl: Duration::from_secs(5),
            certificates: None,
            cloud_map_file: None,
            supplies: Supplies::default(),
        }
    }
}

/// Account of a mesh whose owner nobody says.
pub const DEFAULT_ACCOUNT: &str = "000000000000";
/// Region of what nobody says the region of; the one of App Mesh's own documentation.
pub const DEFAULT_REGION: &str = "us-west-2";
