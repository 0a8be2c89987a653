//! The App Mesh API over HTTP: its verbs over all kinds, and Evermesh's own views.

use evermesh_model::arn::is_account_id;
use evermesh_model::{Kind, Manifest, MeshId, Resource, ResourceId, Spec, Tag};
use evermesh_sigv4::uri::percent_encode as encode;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::credentials::Credentials;
use crate::decode;
use crate::endpoint::Endpoint;
use crate::error::{ClientError, Refusal};
use crate::http::{Http, element};

/// Answered to requests that are not signed where they must be, or not by somebody known.
const FORBIDDEN: u16 = 403;

/// A client of one control plane, as one account.
#[derive(Debug)]
pub struct Client {
    http: Http,
    account: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagPage {
    tags: Vec<Tag>,
    next_token: Option<String>,
}

impl Client {
    /// Reaches a control plane and learns whose requests these are. Requests are signed when there are credentials.
    ///
    /// # Errors
    /// When nobody answers there, or somebody else, or the control plane does not accept the credentials.
    pub async fn connect(endpoint: Endpoint, credentials: Option<Credentials>) -> Result<Self, ClientError> {
        const IDENTITY: &str = "/?Action=GetCallerIdentity&Version=2011-06-15";
        let http = Http::new(endpoint, credentials);
        let answer = http
            .send(Method::GET, IDENTITY, None)
            .await
            .map_err(|error| match error {
                ClientError::Refused(refusal) if refusal.status == FORBIDDEN => {
                    not_accepted(http.credentials(), refusal)
                }
                error => error,
            })?;
        let account = element(&String::from_utf8_lossy(&answer), "Account")
            .filter(|account| is_account_id(account))
            .ok_or_else(|| http.not_understood(IDENTITY, "it does not say whose account this is"))?;
        Ok(Self { http, account })
    }

    /// The account that requests are made as; it owns the meshes of which nobody says the owner.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Creates a resource, with its tags.
    ///
    /// # Errors
    /// As for every request.
    pub async fn create(&self, manifest: &Manifest) -> Result<Resource, ClientError> {
        let id = &manifest.id;
        if id.kind() == Kind::Mesh && id.mesh().owner != self.account {
            return Err(ClientError::ForeignMesh {
                mesh: id.name().to_owned(),
                owner: id.mesh().owner.clone(),
                caller: self.account.clone(),
            });
        }
        let mut body = json!({ id.kind().name_field(): id.name(), "spec": manifest.spec });
        if let Some(tags) = &manifest.tags {
            body["tags"] = json!(tags);
        }
        let path = collection(id.kind(), id.parent().as_ref());
        let path = format!("{path}{}", self.owner_query(id.mesh()));
        self.resource(id, Method::PUT, &path, Some(&body)).await
    }

    /// Replaces a spec.
    ///
    /// # Errors
    /// As for every request.
    pub async fn update(&self, id: &ResourceId, spec: &Spec) -> Result<Resource, ClientError> {
        let body = json!({ "spec": spec });
        self.resource(id, Method::PUT, &self.item(id), Some(&body)).await
    }

    /// A resource as it is.
    ///
    /// # Errors
    /// As for every request; [`ClientError::is_not_found`] when there is none.
    pub async fn describe(&self, id: &ResourceId) -> Result<Resource, ClientError> {
        self.resource(id, Method::GET, &self.item(id), None).await
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// As for every request; `ResourceInUseException` while something depends on it.
    pub async fn delete(&self, id: &ResourceId) -> Result<(), ClientError> {
        self.http
            .send(Method::DELETE, &self.item(id), None)
            .await
            .map(drop)
    }

    /// All resources of a kind in `parent`, or all meshes of whichever owner; by name.
    ///
    /// # Errors
    /// As for every request.
    pub async fn list(
        &self,
        kind: Kind,
        parent: Option<&ResourceId>,
    ) -> Result<Vec<ResourceId>, ClientError> {
        let owner = parent.map(|parent| self.owner_query(parent.mesh()));
        let base = format!("{}{}", collection(kind, parent), owner.unwrap_or_default());
        let mut found = Vec::new();
        let mut path = base.clone();
        loop {
            let page: Value = self.get_json(&path).await?;
            let items = page.get(kind.plural()).and_then(Value::as_array);
            let items = items.and_then(|items| {
                let ids = items.iter().map(|item| decode::reference(kind, parent, item));
                ids.collect::<Option<Vec<_>>>()
            });
            found.extend(items.ok_or_else(|| self.http.not_understood(&path, "it is no list"))?);
            match page.get("nextToken").and_then(Value::as_str) {
                None => return Ok(found),
                Some(token) => path = next_page(&base, token),
            }
        }
    }

    /// Tags of a resource, by key.
    ///
    /// # Errors
    /// As for every request.
    pub async fn tags(&self, arn: &str) -> Result<Vec<Tag>, ClientError> {
        let base = format!("/v20190125/tags?resourceArn={}", encode(arn));
        let mut found = Vec::new();
        let mut path = base.clone();
        loop {
            let page: TagPage = self.get_json(&path).await?;
            found.extend(page.tags);
            match page.next_token {
                None => return Ok(found),
                Some(token) => path = next_page(&base, &token),
            }
        }
    }

    /// Adds tags or changes their values.
    ///
    /// # Errors
    /// As for every request.
    pub async fn tag(&self, arn: &str, tags: &[&Tag]) -> Result<(), ClientError> {
        let path = format!("/v20190125/tag?resourceArn={}", encode(arn));
        let body = json!({ "tags": tags });
        self.http.send(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// Removes tags.
    ///
    /// # Errors
    /// As for every request.
    pub async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), ClientError> {
        let path = format!("/v20190125/untag?resourceArn={}", encode(arn));
        let body = json!({ "tagKeys": keys });
        self.http.send(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// One of the control plane's own views, such as `/evermesh/proxies`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.http.send(Method::GET, path, None).await?;
        serde_json::from_slice(&answer).map_err(|error| self.http.not_understood(path, error.to_string()))
    }

    async fn resource(
        &self,
        id: &ResourceId,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Resource, ClientError> {
        let answer = self.http.send(method, path, body).await?;
        decode::resource(id.clone(), &answer).map_err(|reason| self.http.not_understood(path, reason))
    }

    fn item(&self, id: &ResourceId) -> String {
        let collection = collection(id.kind(), id.parent().as_ref());
        format!(
            "{collection}/{}{}",
            encode(id.name()),
            self.owner_query(id.mesh())
        )
    }

    /// Says whose mesh is meant, when it is not the caller's own.
    fn owner_query(&self, mesh: &MeshId) -> String {
        if mesh.owner == self.account {
            return String::new();
        }
        format!("?meshOwner={}", encode(&mesh.owner))
    }
}

fn not_accepted(credentials: Option<&Credentials>, refusal: Refusal) -> ClientError {
    match credentials {
        None => ClientError::Unsigned(refusal),
        Some(credentials) => ClientError::NotAccepted {
            credentials: credentials.to_string(),
            refusal,
        },
    }
}

fn next_page(base: &str, token: &str) -> String {
    let joint = if base.contains('?') { '&' } else { '?' };
    format!("{base}{joint}nextToken={}", encode(token))
}

/// Path of all resources of a kind in their parent. The step of a router or gateway is in the singular there.
fn collection(kind: Kind, parent: Option<&ResourceId>) -> String {
    let plural = kind.plural();
    match parent {
        None => format!("/v20190125/{plural}"),
        Some(parent) if parent.kind() == Kind::Mesh => {
            format!("/v20190125/meshes/{}/{plural}", encode(parent.name()))
        }
        Some(parent) => format!(
            "/v20190125/meshes/{}/{}/{}/{plural}",
            encode(&parent.mesh().name),
            parent.kind(),
            encode(parent.name())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_service_model() {
        let mesh = MeshId::new("123456789012", "a/b");
        let itself = ResourceId::mesh_itself(mesh.clone());
        let router = ResourceId::in_mesh(mesh.clone(), Kind::VirtualRouter, "r");
        assert_eq!(collection(Kind::Mesh, None), "/v20190125/meshes");
        assert_eq!(
            collection(Kind::VirtualNode, Some(&itself)),
            "/v20190125/meshes/a%2Fb/virtualNodes"
        );
        assert_eq!(
            collection(Kind::Route, Some(&router)),
            "/v20190125/meshes/a%2Fb/virtualRouter/r/routes"
        );
    }
}
