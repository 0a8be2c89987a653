"""Calls every App Mesh operation through boto3, with every member that its input can have.

Usage: boto3_operations.py ENDPOINT

What to send is generated from botocore's own model of the service, so that nothing is left out: each optional
member is always set, and of members that exclude each other (and of enumerations) every one is sent in some call.
What comes back must be what was sent. Exits with 0, or says what differed.
"""

import itertools
import sys
from collections import defaultdict

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
MESH = "mesh"

# Members that exclude each other although the model does not call their shape a union.
ONE_OF = {
    "RouteSpec": ["httpRoute", "http2Route", "grpcRoute", "tcpRoute"],
    "GatewayRouteSpec": ["httpRoute", "http2Route", "grpcRoute"],
    "HttpRouteMatch": ["prefix", "path"],
    "HttpGatewayRouteMatch": ["prefix", "path"],
    "HttpPathMatch": ["exact", "regex"],
    "GatewayRouteHostnameMatch": ["exact", "suffix"],
    "HttpGatewayRoutePrefixRewrite": ["defaultPrefix", "value"],
}

# Strings that mean something, by the member that holds them; any other member may hold any text.
TEXT = {
    "certificateArn": f"arn:aws:acm:us-west-2:{ACCOUNT}:certificate/c",
    "certificateAuthorityArns": f"arn:aws:acm-pca:us-west-2:{ACCOUNT}:certificate-authority/a",
    "hostname": "host.example.com",
    "regex": "a[bc]+.*",
    "virtualNode": "target",
    "virtualNodeName": "target",
    "virtualRouterName": "router",
    "virtualServiceName": "service.example.com",
    "httpRetryEvents": "server-error",
}
# Paths of requests, in the shapes that have them.
PATHS = {
    ("HttpRouteMatch", "prefix"),
    ("HttpGatewayRouteMatch", "prefix"),
    ("HttpPathMatch", "exact"),
    ("HttpGatewayRoutePathRewrite", "exact"),
    ("HttpGatewayRoutePrefixRewrite", "value"),
    ("HealthCheckPolicy", "path"),
}


class Generator:
    """Makes values of a shape. Where there is a choice, takes the alternatives in turn, at each place by itself."""

    def __init__(self, shape):
        self.shape = shape
        self.turns = defaultdict(itertools.count)
        self.taken = defaultdict(set)
        self.alternatives = {}

    def values(self):
        """Values until every alternative at every place has been taken."""
        while True:
            yield self.value(self.shape, "", None, None)
            if all(self.taken[place] >= set(range(n)) for place, n in self.alternatives.items()):
                return

    def choose(self, place, alternatives):
        self.alternatives[place] = len(alternatives)
        index = next(self.turns[place]) % len(alternatives)
        self.taken[place].add(index)
        return alternatives[index]

    def value(self, shape, place, parent, member):
        make = getattr(self, shape.type_name, None)
        if make is None:
            raise TypeError(f"{place}: no values of type {shape.type_name}")
        return make(shape, place, parent, member)

    def structure(self, shape, place, *_):
        names = list(shape.members)
        exclusive = names if shape.is_tagged_union else ONE_OF.get(shape.name, [])
        if exclusive:
            taken = self.choose(place, exclusive)
            names = [name for name in names if name == taken or name not in exclusive]
        made = {name: self.value(shape.members[name], f"{place}.{name}", shape.name, name) for name in names}
        return ADJUST.get(shape.name, lambda made, _: made)(made, shape)

    def list(self, shape, place, parent, member):
        return [self.value(shape.member, f"{place}[]", parent, member)]

    def string(self, shape, place, parent, member):
        if shape.enum:
            return self.choose(place, shape.enum)
        if (parent, member) in PATHS:
            return "/path"
        return TEXT.get(member, "text")

    def integer(self, shape, *_):
        return max(shape.metadata.get("min", 0), min(shape.metadata.get("max", 7), 7))

    long = integer

    def boolean(self, _, place, *__):
        return self.choose(place, [True, False])


def listener(made, _):
    """What a listener says of its protocol agrees with its port's."""
    pool = next(iter(made["connectionPool"]))
    made["portMapping"]["protocol"] = pool
    check = made["healthCheck"]
    check["port"] = made["portMapping"]["port"] + 1  # may speak another protocol, but gRPC only where calls are HTTP/2
    if check["protocol"] == "grpc" and pool not in ("grpc", "http2"):
        check["protocol"] = pool
    if "timeout" in made:
        made["timeout"] = {pool: {name: DURATION for name in (["idle"] if pool == "tcp" else ["idle", "perRequest"])}}
    return made


def gateway_listener(made, shape):
    return listener(made, shape)


def rewrite_of_match(made, _):
    """A rewrite replaces what was matched."""
    rewrite = made["action"]["rewrite"]
    del rewrite["prefix" if "path" in made["match"] else "path"]
    return made


DURATION = {"unit": "ms", "value": 7}
ADJUST = {
    "Listener": listener,
    "VirtualGatewayListener": gateway_listener,
    "HttpGatewayRoute": rewrite_of_match,
    "MatchRange": lambda made, _: {"start": -7, "end": 7},
}

# Kind, its own name, and the names that its path has.
KINDS = {
    "Mesh": ("meshName", {}),
    "VirtualNode": ("virtualNodeName", {"meshName": MESH}),
    "VirtualRouter": ("virtualRouterName", {"meshName": MESH}),
    "Route": ("routeName", {"meshName": MESH, "virtualRouterName": "router"}),
    "VirtualService": ("virtualServiceName", {"meshName": MESH}),
    "VirtualGateway": ("virtualGatewayName", {"meshName": MESH}),
    "GatewayRoute": ("gatewayRouteName", {"meshName": MESH, "virtualGatewayName": "gateway"}),
}


class Api:
    """The client, with the checks that hold for every call."""

    def __init__(self, endpoint):
        self.client = boto3.client("appmesh", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
        self.model = self.client.meta.service_model
        self.called = set()

    def call(self, operation, **arguments):
        known = self.model.operation_model(operation).input_shape.members
        if "meshOwner" in known:
            arguments["meshOwner"] = ACCOUNT
        method = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
        self.called.add(operation)
        answer = getattr(self.client, method)(**arguments)
        answer.pop("ResponseMetadata")
        return answer

    def spec_shape(self, kind):
        return self.model.operation_model(f"Create{kind}").input_shape.members["spec"]


def equal(what, found, expected):
    assert found == expected, f"{what}:\n  found    {found}\n  expected {expected}"


def prepare(api):
    """What the specs refer to."""
    api.call("CreateMesh", meshName=MESH)
    api.call("CreateVirtualNode", meshName=MESH, virtualNodeName="target", spec={})
    api.call("CreateVirtualRouter", meshName=MESH, virtualRouterName="router", spec={})
    api.call("CreateVirtualService", meshName=MESH, virtualServiceName="service.example.com", spec={})
    listeners = [{"portMapping": {"port": 80, "protocol": "http"}}]
    api.call("CreateVirtualGateway", meshName=MESH, virtualGatewayName="gateway", spec={"listeners": listeners})


def round_trips(api, kind):
    """Creates, describes, updates and deletes one resource per generated spec; returns how many."""
    own, path = KINDS[kind]
    member = kind[0].lower() + kind[1:]
    specs = list(Generator(api.spec_shape(kind)).values())
    for number, (spec, other) in enumerate(zip(specs, specs[1:] + specs[:1])):
        names = {**path, own: f"{member}-{number}"}
        tags = [{"key": "number", "value": str(number)}]
        created = api.call(f"Create{kind}", **names, spec=spec, tags=tags, clientToken=f"c-{member}-{number}")[member]
        equal(f"Create{kind}", created["spec"], spec)
        equal(f"Describe{kind}", api.call(f"Describe{kind}", **names)[member], created)
        equal("names", {name: created[name] for name in names}, names)
        equal("version and status", (created["metadata"]["version"], created["status"]), (1, {"status": "ACTIVE"}))
        updated = api.call(f"Update{kind}", **names, spec=other, clientToken=f"u-{member}-{number}")[member]
        equal(f"Update{kind}", (updated["spec"], updated["metadata"]["version"]), (other, 2))
        equal(f"Describe{kind}", api.call(f"Describe{kind}", **names)[member], updated)
        in_tags(api, created["metadata"]["arn"], tags)
    in_pages(api, kind, {f"{member}-{number}" for number in range(len(specs))})
    for number in range(len(specs)):
        deleted = api.call(f"Delete{kind}", **path, **{own: f"{member}-{number}"})[member]
        equal(f"Delete{kind}", deleted["status"], {"status": "DELETED"})
    return len(specs)


def in_tags(api, arn, tags):
    more = [{"key": "more", "value": "a b+c/d=e"}]
    api.call("TagResource", resourceArn=arn, tags=more)
    first = api.call("ListTagsForResource", resourceArn=arn, limit=1)
    rest = api.call("ListTagsForResource", resourceArn=arn, limit=50, nextToken=first["nextToken"])
    equal("ListTagsForResource", first["tags"] + rest["tags"], more + tags)
    api.call("UntagResource", resourceArn=arn, tagKeys=["more"])
    equal("ListTagsForResource", api.call("ListTagsForResource", resourceArn=arn), {"tags": tags})


def in_pages(api, kind, expected):
    own, path = KINDS[kind]
    operation = "ListMeshes" if kind == "Mesh" else f"List{kind}s"
    found, arguments = [], {**path, "limit": 1}
    while True:
        page = api.call(operation, **arguments)
        token = page.pop("nextToken", None)
        ((_, items),) = page.items()
        equal("size of a page", len(items), 1)
        found += items
        if token is None:
            break
        arguments["nextToken"] = token
    names = [item[own] for item in found]
    equal(f"{operation} without repetitions", len(set(names)), len(names))
    assert expected <= set(names), f"{operation}: {expected - set(names)} are missing"
    for item in found:
        equal("parents", {name: item[name] for name in path}, path)
        assert {"arn", "createdAt", "lastUpdatedAt", "meshOwner", "resourceOwner", "version"} <= set(item), item


def main():
    api = Api(sys.argv[1])
    prepare(api)
    for kind in KINDS:
        print(f"{kind}: {round_trips(api, kind)} specs")
    equal("operations called", api.called, set(api.model.operation_names))


if __name__ == "__main__":
    main()
