from data.streams import Streams


def test_a_stream_is_the_same_each_time_it_is_named() -> None:
    assert Streams(1).rng("apps", 3).integers(1 << 60) == Streams(1).rng("apps", 3).integers(
        1 << 60
    )


def test_streams_of_other_names_or_seeds_differ() -> None:
    streams = [
        Streams(1).rng("apps"),
        Streams(1).rng("users"),
        Streams(1).rng("apps", 1),
        Streams(1).rng("apps", "1"),
        Streams(2).rng("apps"),
    ]
    assert len({int(rng.integers(1 << 60)) for rng in streams}) == len(streams)


def test_draws_from_one_stream_leave_the_others_alone() -> None:
    streams = Streams(5)
    expected = streams.rng("users").random(4).tolist()
    streams.rng("apps").random(1000)
    assert streams.rng("users").random(4).tolist() == expected
