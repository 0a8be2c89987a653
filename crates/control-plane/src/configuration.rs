//! The configuration of one proxy: the resources of its view and of what is supplied. What others have in common with it
//! is the matter of a pool.

use std::collections::HashMap;
use std::sync::Arc;

use evermesh_graph::supplied::Supplied;
use evermesh_graph::view::{Ingress, ProxyView};
use evermesh_translate::{Piece, Placement, Resource, ResourceKind, interim_routes, pieces, supplied_pieces};
use evermesh_xds_server::{Pool, ResourceSet, ResourceSetBuilder, ResourceType};

/// How many changes a proxy may be behind for all that it lets requests through to to be known.
const EARLIER: usize = 4;

/// A configuration, and what it is made of.
pub(crate) struct Configuration {
    view: Arc<ProxyView>,
    /// Of a gateway: the views before, the newest first.
    earlier: Vec<Arc<ProxyView>>,
    supplied: Supplied,
    set: Arc<ResourceSet>,
}

impl Configuration {
    /// Builds the configuration of a view, after the `last` one of the same proxy: resources whose inputs are the same
    /// are taken over from it, and those that another proxy has from the pool. `None` when nothing has changed.
    pub(crate) fn build(
        view: &Arc<ProxyView>,
        supplied: Supplied,
        placement: &Placement,
        last: Option<&Self>,
        pool: &Arc<Pool>,
    ) -> Option<Self> {
        if last.is_some_and(|last| last.view == *view && last.supplied == supplied) {
            return None;
        }
        let earlier = last.map(|last| last.before(view)).unwrap_or_default();
        let set = resource_set(view, &supplied, placement, last, pool);
        let interim = interim_routes(view, &earlier);
        let set = interim.iter().fold(set, ResourceSetBuilder::interim_route);
        Some(Self {
            set: Arc::new(set.build()),
            view: Arc::clone(view),
            earlier,
            supplied,
        })
    }

    /// The views of a gateway before `view`, which comes next.
    fn before(&self, view: &Arc<ProxyView>) -> Vec<Arc<ProxyView>> {
        if !matches!(view.ingress, Ingress::VirtualGateway(_)) {
            return Vec::new();
        }
        let last = (self.view != *view).then_some(&self.view);
        let all = last.into_iter().chain(&self.earlier);
        all.take(EARLIER).cloned().collect()
    }

    /// What it is built from.
    pub(crate) fn view(&self) -> &Arc<ProxyView> {
        &self.view
    }

    /// What else it is built from.
    pub(crate) fn supplied(&self) -> &Supplied {
        &self.supplied
    }

    /// What proxies are given.
    pub(crate) fn set(&self) -> &Arc<ResourceSet> {
        &self.set
    }
}

fn resource_set(
    view: &ProxyView,
    supplied: &Supplied,
    placement: &Placement,
    last: Option<&Configuration>,
    pool: &Arc<Pool>,
) -> ResourceSetBuilder {
    let known: HashMap<_, _> = last
        .into_iter()
        .flat_map(|last| named(&last.view, &last.supplied, placement))
        .collect();
    let mut set = ResourceSet::builder().sharing(pool);
    for ((kind, name), piece) in named(view, supplied, placement) {
        let same = known
            .get(&(kind, name.clone()))
            .is_some_and(|known| *known == piece);
        let kept = last
            .filter(|_| same)
            .and_then(|last| last.set.get(resource_type(kind), &name));
        set = match kept {
            Some(kept) => set.shared(resource_type(kind), kept),
            None => match piece.build() {
                Resource::Cluster(cluster) => set.cluster(&cluster),
                Resource::Endpoint(endpoints) => set.endpoints(&endpoints),
                Resource::Listener(listener) => set.listener(&listener),
                Resource::Route(routes) => set.route(&routes),
                Resource::Secret(secret) => set.secret(&secret),
            },
        };
    }
    set
}

/// Everything that a proxy is to have, by type and name.
fn named<'v>(
    view: &'v ProxyView,
    supplied: &'v Supplied,
    placement: &Placement,
) -> impl Iterator<Item = ((ResourceKind, String), Piece<'v>)> {
    let own = pieces(view, placement).into_iter();
    let pieces = own.chain(supplied_pieces(view, supplied));
    pieces.map(|piece| ((piece.kind(), piece.name()), piece))
}

fn resource_type(kind: ResourceKind) -> ResourceType {
    match kind {
        ResourceKind::Cluster => ResourceType::Cluster,
        ResourceKind::Endpoint => ResourceType::Endpoint,
        ResourceKind::Listener => ResourceType::Listener,
        ResourceKind::Route => ResourceType::Route,
        ResourceKind::Secret => ResourceType::Secret,
    }
}
