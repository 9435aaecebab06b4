"""What a Python service does with ZooKeeper, by kazoo, against HOST:PORT.

Prints a line for each part that went as it should; any surprise is an error.
"""

import logging
import socket
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import (BadVersionError, NoAuthError, NodeExistsError,
                              NoNodeError, NotEmptyError, RolledBackError,
                              RuntimeInconsistency)
from kazoo.protocol.states import EventType
from kazoo.security import make_acl, make_digest_acl

PATIENCE = 20
hosts = sys.argv[1]
logging.disable(logging.CRITICAL)


def connect(**kw):
    client = KazooClient(hosts=hosts, timeout=10, **kw)
    client.start(timeout=PATIENCE)
    return client


def refused(error, call, *args, **kw):
    try:
        call(*args, **kw)
    except error:
        return
    raise AssertionError("%s: not refused with %s" % (call, error))


def nodes(a):
    assert a.create("/py/deep/node", b"x", makepath=True) == "/py/deep/node"
    data, stat = a.get("/py/deep/node")
    assert (data, stat.version, stat.data_length) == (b"x", 0, 1)
    assert a.set("/py/deep/node", b"yy").version == 1
    refused(BadVersionError, a.set, "/py/deep/node", b"", version=0)
    refused(NodeExistsError, a.create, "/py/deep/node")
    refused(NotEmptyError, a.delete, "/py/deep")
    refused(NoNodeError, a.get, "/py/none")
    assert a.get_children("/py") == ["deep"]
    path, stat = a.create("/py/with-stat", b"z", include_data=True)
    assert (path, stat.version) == ("/py/with-stat", 0)
    assert a.sync("/py") == "/py"
    a.delete("/py/deep", recursive=True)
    assert a.exists("/py/deep") is None


def kinds(a):
    first = a.create("/py/s-", sequence=True)
    second = a.create("/py/s-", sequence=True, ephemeral=True)
    assert int(second[-10:]) == int(first[-10:]) + 1
    assert a.exists(second).ephemeralOwner == a.client_id[0]
    b = connect()
    b.create("/py/e", ephemeral=True)
    gone = threading.Event()
    assert a.exists("/py/e", watch=lambda ev: gone.set())
    b.stop()
    assert gone.wait(PATIENCE)
    assert a.exists("/py/e") is None
    b.close()


def transactions(a):
    t = a.transaction()
    t.create("/py/t", b"0")
    t.check("/py/t", 0)
    t.set_data("/py/t", b"1", version=0)
    t.create("/py/t/n-", sequence=True)
    created, checked, stat, name = t.commit()
    assert (created, checked, stat.version, name) == ("/py/t", True, 1, "/py/t/n-0000000000")
    t = a.transaction()
    t.set_data("/py/t", b"2")
    t.check("/py/t", 7)
    t.delete("/py/t/n-0000000000")
    results = t.commit()
    assert [type(r) for r in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert a.get("/py/t")[0] == b"1"


def watches(a):
    b = connect()
    seen, changed = [], threading.Event()

    @a.DataWatch("/py/w")
    def on_data(data, stat, event):
        seen.append(data)
        changed.set()

    for value in (b"1", b"2", b"3"):
        changed.clear()
        b.set("/py/w", value) if b.exists("/py/w") else b.create("/py/w", value)
        assert changed.wait(PATIENCE)
    assert seen == [None, b"1", b"2", b"3"], seen

    children, grown = [], threading.Event()

    @a.ChildrenWatch("/py/w")
    def on_children(names):
        children.append(sorted(names))
        grown.set()

    grown.clear()
    b.create("/py/w/x")
    assert grown.wait(PATIENCE)
    assert children == [[], ["x"]], children
    b.stop()
    b.close()


def reconnects(a):
    changed = threading.Event()
    a.create("/py/r", b"")
    a.create("/py/mine", ephemeral=True)

    @a.DataWatch("/py/r")
    def on_data(data, stat):
        if data == b"while it was away":
            changed.set()

    session = a.client_id
    a._connection._socket.shutdown(socket.SHUT_RDWR)
    b = connect()
    b.set("/py/r", b"while it was away")
    assert changed.wait(PATIENCE)
    assert a.client_id == session
    assert b.exists("/py/mine")
    b.stop()
    b.close()


def access(a):
    a.add_auth("digest", "ann:secret")
    a.create("/py/acl", b"x", acl=[make_digest_acl("ann", "secret", all=True)])
    b = connect()
    refused(NoAuthError, b.get, "/py/acl")
    b.add_auth("digest", "ann:secret")
    assert b.get("/py/acl")[0] == b"x"
    stat = b.set_acls("/py/acl", [make_acl("world", "anyone", read=True)])
    assert stat.acl_version == 1
    refused(NoAuthError, b.set, "/py/acl", b"y")
    acls, _ = b.get_acls("/py/acl")
    assert [(x.id.scheme, x.perms) for x in acls] == [("world", 1)]
    b.stop()
    b.close()


def lock(a):
    b = connect()
    la, lb = a.Lock("/py/lock", "a"), b.Lock("/py/lock", "b")
    assert la.acquire(timeout=PATIENCE)
    assert not lb.acquire(blocking=False)
    got = threading.Event()
    waiter = threading.Thread(target=lambda: lb.acquire(timeout=PATIENCE) and got.set())
    waiter.start()
    la.release()
    assert got.wait(PATIENCE)
    waiter.join()
    lb.release()
    b.stop()
    b.close()


def election(a):
    b = connect()
    won, resign = [threading.Event(), threading.Event()], threading.Event()

    def lead(i):
        won[i].set()
        assert resign.wait(PATIENCE)

    first = threading.Thread(target=a.Election("/py/election", "a").run, args=(lead, 0))
    first.start()
    assert won[0].wait(PATIENCE)
    second = threading.Thread(target=b.Election("/py/election", "b").run, args=(lead, 1))
    second.start()
    assert not won[1].is_set()
    resign.set()
    assert won[1].wait(PATIENCE)
    first.join()
    second.join()
    b.stop()
    b.close()


def main():
    a = connect()
    a.ensure_path("/py")
    for part in (nodes, kinds, transactions, watches, reconnects, access, lock, election):
        part(a)
        print(part.__name__, flush=True)
    assert a.command(b"ruok") == "imok"
    assert a.server_version()[:2] == (3, 8)
    a.stop()
    a.close()
    print("commands")


main()
