//! From question to answer: what the hosts file has, what is forwarded, what is refused.
//!
//! It decides and encodes; it never reads a file or opens a socket.

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Edns, Header, HeaderCounts, LowerQuery, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::sync::watch;

use crate::forward::Forwarder;
use crate::hosts::{Addresses, Hosts};

/// The largest answer over UDP that crosses every path unfragmented (DNS flag day 2020); TCP carries the rest.
const MAX_UDP_PAYLOAD: u16 = 1232;

/// Answers every question that the sockets receive. Clones are cheap and share everything.
#[derive(Clone)]
pub(crate) struct Answerer {
    pub(crate) hosts: watch::Receiver<Arc<Hosts>>,
    /// Of answers from the hosts file, in seconds.
    pub(crate) ttl: u32,
    pub(crate) forwarder: Option<Arc<Forwarder>>,
}

/// An answer before it is encoded.
pub(crate) struct Answer {
    pub(crate) code: ResponseCode,
    pub(crate) records: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    /// Whether the hosts file is the source.
    pub(crate) authoritative: bool,
}

impl Answer {
    /// An answer without records.
    pub(crate) fn code(code: ResponseCode) -> Self {
        Self {
            code,
            records: Vec::new(),
            authorities: Vec::new(),
            authoritative: false,
        }
    }
}

#[async_trait]
impl RequestHandler for Answerer {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut respond: R,
    ) -> ResponseInfo {
        let answer = self.answer(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = answer.code;
        metadata.authoritative = answer.authoritative;
        metadata.recursion_available = self.forwarder.is_some();

        let edns = request.edns.as_ref().map(|_| response_edns(request));
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let response = builder.build(metadata, &answer.records, &answer.authorities, [], []);
        respond.send_response(response).await.unwrap_or_else(|error| {
            tracing::debug!(%error, client = %request.src(), "could not send an answer");
            ResponseInfo::from(Header {
                metadata,
                counts: HeaderCounts::default(),
            })
        })
    }
}

impl Answerer {
    async fn answer(&self, request: &Request) -> Answer {
        if request.metadata.op_code != OpCode::Query {
            return Answer::code(ResponseCode::NotImp);
        }
        if request.version() > 0 {
            return Answer::code(ResponseCode::BADVERS);
        }
        let [query] = request.queries.queries() else {
            return Answer::code(ResponseCode::FormErr);
        };
        if query.query_class() != DNSClass::IN
            || matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR)
        {
            return Answer::code(ResponseCode::Refused);
        }
        if let Some(answer) = self.look_up(query) {
            return answer;
        }
        match &self.forwarder {
            Some(forwarder) => forwarder.ask(query).await,
            None => Answer {
                authoritative: true,
                ..Answer::code(ResponseCode::NXDomain)
            },
        }
    }

    /// `None` when the hosts file does not have the name; no records (NODATA) when it has none of the asked type,
    /// so that a client which asks for AAAA first goes on to A and nobody looks for the name elsewhere.
    fn look_up(&self, query: &LowerQuery) -> Option<Answer> {
        let hosts = Arc::clone(&self.hosts.borrow());
        let addresses = hosts.addresses(query.name())?;
        // The name exactly as asked: some resolvers vary its case and compare.
        let name = query.original().name();
        let record = |data| Record::from_rdata(name.clone(), self.ttl, data);
        let records = data(addresses, query.query_type()).map(record).collect();
        Some(Answer {
            records,
            authoritative: true,
            ..Answer::code(ResponseCode::NoError)
        })
    }
}

fn data(addresses: &Addresses, asked: RecordType) -> impl Iterator<Item = RData> {
    let wants = move |kind| asked == kind || asked == RecordType::ANY;
    let v4 = addresses
        .v4
        .iter()
        .filter(move |_| wants(RecordType::A))
        .map(|&address| RData::A(address.into()));
    let v6 = addresses
        .v6
        .iter()
        .filter(move |_| wants(RecordType::AAAA))
        .map(|&address| RData::AAAA(address.into()));
    v4.chain(v6)
}

/// RFC 6891: answer EDNS with EDNS. Its payload size is also what Hickory truncates a UDP answer to.
fn response_edns(request: &Request) -> Edns {
    let mut edns = Edns::new();
    edns.set_version(0);
    edns.set_max_payload(request.max_payload().min(MAX_UDP_PAYLOAD));
    edns
}
