"""The convolutional AST: shapes, gradients, configurations that cannot be."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize, scaled_dot_product_attention

from cir.audio.bands import BandConfig
from cir.audio.log_frequency import bring_to_level
from cir.errors import CheckpointError
from cir.model.conv_ast import ConvAst, Residual
from cir.model.heads import FamilyNoteHead, NoteHead, attend
from cir.model.network_config import CELL, ConvAstConfig

BANDS = BandConfig(bands_per_octave=4, n_bands=32, n_long_bands=16)
TINY = ConvAstConfig(
    bands=BANDS,
    widths=(4, 6, 8),
    time_stride=8,
    n_layers=1,
    n_heads=2,
    embedding_size=12,
    note_frames=32,
    mixture_frames=64,
    families=("bass", "organ", "percussion"),
    n_query_layers=1,
)


def levels(seed: int, n_clips: int, n_frames: int) -> Tensor:
    return torch.randn(n_clips, n_frames, 32, generator=torch.Generator().manual_seed(seed))


def network(config: ConvAstConfig = TINY, seed: int = 0) -> ConvAst:
    """One that no part of sleeps: stages start with a branch that adds nothing."""
    torch.manual_seed(seed)
    net = ConvAst(config)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            assert module.running_mean is not None
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
    return net.eval()


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        replace(TINY, n_layers=0),
        replace(TINY, n_layers=3, n_heads=4, time_stride=4),
        replace(TINY, widths=(4, 8), time_stride=4, n_query_layers=3),
        replace(TINY, widths=(2, 4, 4, 6, 8), time_stride=16, embedding_size=5),
        replace(TINY, families=("bass",)),
    ],
    ids=["tiny", "no blocks", "three blocks", "two widths", "five widths", "one family"],
)
def test_the_shapes_follow_from_the_configuration(config: ConvAstConfig) -> None:
    net = network(config)
    clip = levels(0, 2, 64)
    rows, columns = 32 // 2 ** len(config.widths), 64 // config.time_stride
    tokens = net.notes(clip)
    assert tokens.shape == (2, columns, rows, config.widths[-1])
    assert (config.n_rows, config.hidden_size) == tokens.shape[2:]
    assert net.embed_notes(clip).shape == (2, config.embedding_size)
    heard = net.listen(clip)
    n_families = len(config.families)
    assert heard.overall.shape == (2, config.embedding_size)
    assert heard.embeddings.shape == (2, n_families, config.embedding_size)
    assert heard.presence.shape == (2, n_families)
    shares = net.share_out(clip)
    assert shares.shape == (2, n_families + 1, 64 // CELL, 32 // CELL)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 64 // CELL, 32 // CELL))


def test_waveforms_become_as_many_frames_as_the_configuration_says() -> None:
    net = network()
    for n_samples, n_frames in ((TINY.note_samples, 128), (TINY.mixture_samples, 64)):
        assert net.features(torch.randn(2, n_samples)).shape == (2, n_frames, 32)


@pytest.mark.parametrize("n_frames", [1, 2, 7, 32, 33, 50, 100, 301])
def test_a_clip_may_have_any_length(n_frames: int) -> None:
    net = network()
    clip = levels(1, 2, n_frames)
    assert net.notes(clip).shape[1] == -(-n_frames // TINY.time_stride)
    assert torch.isfinite(net.embed_notes(clip)).all()
    assert torch.isfinite(net.listen(clip).embeddings).all()


def asleep(net: ConvAst) -> set[str]:
    return {
        name
        for name, parameter in net.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }


def test_every_parameter_of_the_note_encoder_learns_from_notes_and_no_other() -> None:
    net = network()
    wanted = torch.randn(4, TINY.embedding_size)
    torch.autograd.backward((net.embed_notes(levels(2, 4, 32)) * wanted).sum())
    others = {n for n, _ in net.named_parameters() if not n.startswith(("notes.", "note_head."))}
    assert others
    assert asleep(net) == others


def test_every_parameter_of_the_mixture_encoder_learns_from_mixtures_and_no_other() -> None:
    net = network()
    clip = levels(3, 4, 64)
    heard = net.listen(clip)
    answers = (heard.embeddings * torch.randn(4, 3, TINY.embedding_size)).sum()
    shares = net.share_out(clip)
    wanted = (shares * torch.randn(shares.shape)).sum()
    torch.autograd.backward(answers + heard.presence.sum() + wanted)
    notes = {n for n, _ in net.named_parameters() if n.startswith(("notes.", "note_head."))}
    assert asleep(net) == notes


@torch.inference_mode()
@pytest.mark.parametrize("n_frames", [16, 48, 64, 128, 200])
def test_a_note_is_heard_in_its_first_frames_and_in_all(n_frames: int) -> None:
    net = network()
    clip = levels(7, 3, n_frames)
    clip[:, min(40, n_frames - 8) :] += 5  # the loudest comes late
    short, long = (
        normalize(net.embed_once(bring_to_level(clip[:, :n])), dim=-1) for n in (48, 128)
    )
    found = normalize(net.embed_notes(clip), dim=-1)
    torch.testing.assert_close(found, normalize(short + long, dim=-1))
    assert (n_frames <= 48) == bool(torch.allclose(found, short))


def test_attention_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(3, 2, 5, 8, generator=generator)
    keys, values = torch.randn(2, 3, 2, 7, 8, generator=generator)
    expected = scaled_dot_product_attention(queries, keys, values)
    torch.testing.assert_close(attend(queries, keys, values), expected)


def test_the_head_hears_means_and_deviations() -> None:
    head = NoteHead(TINY).eval()
    tokens = 3 + torch.randn(2, 6, TINY.n_rows, TINY.hidden_size)
    deviations = (tokens.var(1, unbiased=False) + 1e-5).sqrt()
    statistics = torch.cat([tokens.mean(1), deviations], 1).flatten(1)
    expected = head.out(head.linear(head.norm(statistics)))
    torch.testing.assert_close(head(tokens), expected)


def test_a_stage_begins_as_its_short_cut() -> None:
    torch.manual_seed(0)
    net = ConvAst(TINY)
    stage = net.notes.stages[0]
    assert isinstance(stage, Residual)
    maps = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(stage(maps), torch.relu(stage.short_cut(maps)))


def test_mixtures_begin_as_notes() -> None:
    net = network()
    clip = levels(4, 3, 64)
    assert net.mixtures is not None
    assert not torch.allclose(net.mixtures(clip), net.notes(clip))
    net.begin_mixtures()
    torch.testing.assert_close(net.mixtures(clip), net.notes(clip))
    before = net.embed_once(clip)
    for parameter in net.mixtures.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(net.embed_once(clip), before)  # copies, not the same weights


def test_at_first_each_family_hears_the_whole_mixture() -> None:
    net = network()
    net.begin_mixtures()
    assert net.mixtures is not None and net.family_head is not None
    tokens = net.mixtures(levels(4, 3, 64))
    head = net.family_head.family_notes
    expected = net.note_head(tokens)
    for number in range(3):
        torch.testing.assert_close(head(tokens)[:, number], expected, rtol=1e-4, atol=1e-4)


def test_a_family_hears_the_moments_that_it_weighs() -> None:
    torch.manual_seed(3)
    head = FamilyNoteHead(TINY).eval()
    torch.nn.init.normal_(head.where.weight)
    torch.nn.init.normal_(head.gates)
    tokens = torch.randn(2, 8, TINY.n_rows, TINY.hidden_size)
    weights = head.where(tokens).softmax(1)
    for clip in range(2):
        for family in range(3):
            statistics = []
            for square in (False, True):
                for row in range(TINY.n_rows):
                    weight, values = weights[clip, :, row, family, None], tokens[clip, :, row]
                    mean = (weight * values).sum(0)
                    spread = (weight * (values - mean) ** 2).sum(0) + 1e-5
                    statistics.append(spread.sqrt() if square else mean)
            gated = head.norm(torch.cat(statistics)[None]) * (1 + head.gates[family])
            expected = head.out(head.linear(gated))[0]
            torch.testing.assert_close(head(tokens)[clip, family], expected, rtol=1e-4, atol=1e-4)


def test_embeddings_are_multiplied_by_a_matrix() -> None:
    net = network()
    notes, mixtures = levels(0, 3, 48), levels(1, 2, 64)
    matrix = torch.randn(TINY.embedding_size, TINY.embedding_size, dtype=torch.double)
    with torch.inference_mode():
        before = net.embed_once(notes), net.listen(mixtures)
        shares = net.share_out(mixtures)
        net.multiply(matrix)
        after = net.embed_once(notes), net.listen(mixtures)
    turn = matrix.float().T
    torch.testing.assert_close(after[0], before[0] @ turn, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        after[1].with_overall, before[1].with_overall @ turn, atol=1e-4, rtol=1e-4
    )
    assert torch.equal(after[1].presence, before[1].presence)
    assert torch.equal(net.share_out(mixtures), shares)


def test_without_families_a_mixture_is_read_like_a_note() -> None:
    net = network(replace(TINY, families=()))
    clip = levels(5, 2, 64)
    heard = net.listen(clip)
    assert torch.equal(heard.overall, net.embed_once(clip))
    assert heard.embeddings.shape == (2, 0, TINY.embedding_size)
    assert heard.presence.shape == (2, 0)


@torch.inference_mode()
def test_a_clip_does_not_depend_on_its_batch() -> None:
    net = network()
    clips = levels(6, 5, 64)
    clips[2] *= 30

    def answers(levels: Tensor) -> tuple[Tensor, ...]:
        heard = net.listen(levels)
        notes = net.embed_notes(levels)
        return notes, heard.overall, heard.embeddings, heard.presence, net.share_out(levels)

    together = answers(clips)
    for number in range(5):
        alone = answers(clips[number : number + 1])
        for batched, single in zip(together, alone, strict=True):
            torch.testing.assert_close(batched[number], single[0], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_an_embedding_changes_with_the_pitch_but_not_with_where_a_pattern_starts() -> None:
    net = network()
    clip = torch.zeros(1, 128, 32)
    clip[:, 40:56, 10:14] = 3.0
    later, higher = clip.roll(TINY.time_stride * 4, 1), clip.roll(8, 2)
    reference = net.embed_once(clip)
    torch.testing.assert_close(net.embed_once(later), reference, rtol=1e-4, atol=1e-4)
    assert (net.embed_once(higher) - reference).abs().max() > 0.01


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_layers": -1}, "n_layers must be at least 0, got -1"),
        ({"n_heads": 0}, "n_heads must be at least 1, got 0"),
        ({"embedding_size": 0}, "embedding_size must be at least 1, got 0"),
        ({"note_frames": 0}, "note_frames must be at least 1, got 0"),
        ({"widths": ()}, "widths must have at least one number"),
        ({"widths": (4, 0, 8)}, "widths: 1 must be at least 1, got 0"),
        ({"n_heads": 3}, "8, must be a multiple of n_heads 3"),
        ({"time_stride": 6}, "time_stride must be a power of 2.*got 6"),
        ({"time_stride": 16}, r"number of widths \(8\), got 16"),
        ({"widths": (2, 2, 2, 2, 2, 4)}, "n_bands 32 must be a multiple of 64"),
        ({"note_frames": 36}, "note_frames 36 must be a multiple of time_stride 8"),
        ({"mixture_frames": 60}, "mixture_frames 60 must be a multiple of time_stride 8"),
        ({"heard_frames": ()}, "heard_frames must have at least one number"),
        ({"heard_frames": (0, 48)}, "heard_frames: 0 must be at least 1, got 0"),
        ({"note_frames": 128}, "note_frames 128 must not exceed mixture_frames 64"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CheckpointError, match=named):
        replace(TINY, **change)
