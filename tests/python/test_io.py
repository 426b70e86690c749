"""Files and pickles: everything comes back; damaged files are refused."""

import pickle
import struct

import jacnet as jn
import numpy as np
import pytest


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 25))
    x[1, 4] = np.nan
    return x, np.vstack([x[0] * 2, np.full(25, 3.0), np.exp(x[2])])


@pytest.fixture
def net(data):
    """A network that uses whatever a file must hold."""
    net = jn.Network(
        [3, 4, 3],
        ["swish", "purelin"],
        connect="cascade",
        bias=[True, False],
        learn={"IW{2,1}": False},
        input_processing=["fixunknowns", ("mapstd", {"ystd": 2})],
        output_processing=["removeconstantrows", "mapminmax"],
        performance="sae",
    )
    net.configure(*data).init(3)
    net.IW[1, 0] = np.linspace(-1, 1, net.IW[1, 0].size).reshape(net.IW[1, 0].shape)
    net.performParam = {"regularization": 0.125, "normalization": "percent"}
    net.trainParam = {"epochs": 77, "goal": 1 / 3}
    net.divideFcn = "divideind"
    net.divideParam.trainInd = [0, 5, 7]
    net.name = 'größte Pumpe {1,1}\n\t"x"'
    return net


def by_file(net, folder):
    path = folder / "a network.jac"
    net.save(path)
    return jn.load(path)


def by_pickle(net, _):
    return pickle.loads(pickle.dumps(net))


def by_copy(net, _):
    return net.copy()


@pytest.fixture(params=[by_file, by_pickle, by_copy])
def restored(request, net, tmp_path):
    return request.param(net, tmp_path)


class TestRoundTrip:
    def test_parameters(self, net, restored):
        assert type(restored) is jn.Network
        np.testing.assert_array_equal(restored.wb, net.wb)
        np.testing.assert_array_equal(restored.IW[1, 0], net.IW[1, 0])
        assert str(restored.layout) == str(net.layout)

    def test_settings(self, net, restored):
        assert restored.name == net.name
        assert dict(restored.trainParam) == dict(net.trainParam)
        assert restored.divideFcn == "divideind"
        assert dict(restored.divideParam) == dict(net.divideParam)
        assert restored.performFcn == "sae"
        assert dict(restored.performParam) == dict(net.performParam)

    def test_results(self, net, restored, data):
        x, t = data
        np.testing.assert_array_equal(restored(x), net(x))
        np.testing.assert_array_equal(jn.hessian(restored, x, t), jn.hessian(net, x, t))

    def test_bytes(self, net, restored):
        assert restored.to_bytes() == net.to_bytes()


class TestFile:
    def test_is_text_and_then_doubles(self, net, tmp_path):
        jn.save(net, tmp_path / "net")
        content = (tmp_path / "net").read_bytes()
        first_line = content.splitlines()[0]
        assert b"jacnet" in first_line
        first_line.decode("ascii")
        assert struct.pack(f"<{net.n_parameters}d", *net.wb) in content

    def test_text_paths(self, net, tmp_path):
        jn.save(net, str(tmp_path / "net"))
        np.testing.assert_array_equal(jn.load(str(tmp_path / "net")).wb, net.wb)

    def test_open_network(self, tmp_path):
        jn.save(jn.patternnet([4, 3]), tmp_path / "net")
        net = jn.load(tmp_path / "net")
        assert not net.configured
        assert list(net.layer_sizes) == [4, 3, 0]
        assert net.performFcn == "crossentropy"

    @pytest.mark.parametrize("value", [5e-324, -0.0, 1.7976931348623157e308, 0.1])
    def test_every_bit_is_kept(self, value, tmp_path):
        net = jn.Network([1, 1], bias=False).setwb([value])
        jn.save(net, tmp_path / "net")
        assert jn.load(tmp_path / "net").wb.tobytes() == net.wb.tobytes()


class TestDamage:
    def test_no_file(self, tmp_path):
        with pytest.raises(OSError, match="missing"):
            jn.load(tmp_path / "missing")

    def test_no_folder(self, net, tmp_path):
        with pytest.raises(OSError, match="missing"):
            net.save(tmp_path / "missing" / "net")

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"hello", b"\0" * 1000, b"\x80\x04pickle", b"a,b\n1,2\n"]
    )
    def test_another_kind_of_file(self, content, tmp_path):
        path = tmp_path / "other"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="other"):
            jn.load(path)

    def test_truncated_anywhere(self, net):
        whole = net.to_bytes()
        for length in range(len(whole)):
            with pytest.raises(ValueError, match=r"\w"):
                jn.Network._from_bytes(whole[:length])

    def test_too_long(self, net):
        with pytest.raises(ValueError, match=r"\w"):
            jn.Network._from_bytes(net.to_bytes() + b"\0")

    def test_damaged_header(self, net):
        """A changed byte is refused or makes another valid network; nothing worse happens."""
        whole = net.to_bytes()
        header = len(whole) - 8 * net.n_parameters
        refused = 0
        for position in range(min(header, 1500)):
            for byte in (0, 0x20, 0x39, 0xFF):
                damaged = bytearray(whole)
                damaged[position] = byte
                try:
                    jn.Network._from_bytes(bytes(damaged))
                except ValueError:
                    refused += 1
        assert refused > header

    def test_newer_version(self, net):
        first, rest = net.to_bytes().split(b"\n", 1)
        newer = first.replace(b"1", b"999")
        assert newer != first
        with pytest.raises(ValueError, match="999"):
            jn.Network._from_bytes(newer + b"\n" + rest)

    def test_ranges_that_do_not_fit(self):
        """An odd number of range entries is no reason to write past an array."""
        net = jn.feedforwardnet(2).configure(np.eye(3), np.ones((1, 3)) * [[0, 1, 2]])
        header, numbers = net.to_bytes().split(b"\nnumbers ", 1)
        count, values = numbers.split(b"\n", 1)
        assert b"range 6" in header
        damaged = header.replace(b"range 6", b"range 5", 1)
        fewer = b"%d\n" % (int(count) - 1) + values[8:]
        with pytest.raises(ValueError, match="range"):
            jn.Network._from_bytes(damaged + b"\nnumbers " + fewer)

    def test_sizes_that_no_memory_holds(self, net):
        """The numbers that a header announces are counted before anything is allocated."""
        whole = net.to_bytes()
        size = whole.split(b"\ninput ", 1)[1].split(b"\n", 1)[0]
        for huge in (b"134217728", b"1099511627776", b"9223372036854775807"):
            with pytest.raises(ValueError, match=r"damaged"):
                jn.Network._from_bytes(whole.replace(b"\ninput " + size, b"\ninput " + huge, 1))

    def test_rows_that_are_kept_twice(self):
        x = np.vstack([np.arange(4.0), np.ones(4), np.arange(4.0) ** 2])
        net = jn.feedforwardnet(2).configure(x, np.arange(4.0)[None])
        whole = net.to_bytes()
        kept = np.array([0.0, 2.0]).tobytes()
        assert kept in whole
        with pytest.raises(ValueError, match="removeconstantrows"):
            jn.Network._from_bytes(whole.replace(kept, np.array([0.0, 0.0]).tobytes(), 1))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'text "mine"', b"text 123456"),
            (b'text "mine"', b'text "mine!'),
            (b'text "mine"', b'text "m\xffne"'),
            (b"layers", b"l\xffyers"),
        ],
    )
    def test_settings_that_are_none(self, net, old, new):
        net.name = "mine"
        whole = net.to_bytes()
        assert old in whole
        with pytest.raises(ValueError, match="damaged"):
            jn.Network._from_bytes(whole.replace(old, new, 1))


def test_bytes_make_a_whole_network():
    net = jn.feedforwardnet([3, 2]).configure(np.eye(2), np.eye(2)[:1]).init(0)
    copy = jn.Network.from_bytes(net.to_bytes())
    assert type(copy) is jn.Network
    assert copy.layout.names == net.layout.names
    assert np.array_equal(copy.wb, net.wb)
    with pytest.raises(TypeError, match=r"from_bytes: data must be bytes.*got str"):
        jn.Network.from_bytes("text")
    with pytest.raises(ValueError, match="file"):
        jn.Network.from_bytes(b"text")
