"""What training hides from the encoder: patches of any clip, stripes of a mixture."""

import torch
from torch import Tensor

from cir.model.ast import run_ast, take_patches
from cir.model.network import TimbreNetwork
from cir.training.patch_dropout import keep_patches
from cir.training.spec_augment import blank_stripes
from tests.training_cases import TINY

N_PATCHES = 8 * TINY.note_frames // 16


def draw(n_clips: int = 5) -> Tensor:
    return torch.randn(
        n_clips, TINY.note_frames, TINY.n_mels, generator=torch.Generator().manual_seed(1)
    )


def test_each_clip_keeps_so_many_patches_of_its_own() -> None:
    torch.manual_seed(0)
    kept = keep_patches(draw(), TINY, 0.75)
    assert kept.shape == (5, N_PATCHES // 4)
    assert (kept.diff(dim=1) > 0).all() and kept.min() >= 0 and kept.max() < N_PATCHES
    assert len({tuple(row.tolist()) for row in kept}) > 1
    torch.manual_seed(0)
    assert torch.equal(keep_patches(draw(), TINY, 0.75), kept)
    assert keep_patches(draw(), TINY, 0.999).shape == (5, 1)


def test_patches_left_out_are_not_read() -> None:
    ast = TimbreNetwork(TINY).eval().ast
    features = draw(2)
    kept = torch.arange(0, N_PATCHES, 2).expand(2, -1)
    changed = features.clone()
    changed.view(2, -1, 16, 128)[:, 1::2] += 1.0  # odd columns are odd patches: 2 columns a band
    assert TINY.note_frames == 32
    torch.testing.assert_close(run_ast(ast, changed, kept=kept), run_ast(ast, features, kept=kept))
    assert not torch.allclose(run_ast(ast, changed), run_ast(ast, features))


def test_all_patches_in_their_order_are_the_whole_clip() -> None:
    ast = TimbreNetwork(TINY).eval().ast
    everything = torch.arange(N_PATCHES).expand(5, -1)
    torch.testing.assert_close(run_ast(ast, draw(), kept=everything), run_ast(ast, draw()))


def test_patches_are_taken_clip_by_clip() -> None:
    patches = torch.arange(12.0).view(2, 3, 2)
    taken = take_patches(patches, torch.tensor([[0, 2], [1, 1]]))
    assert taken.tolist() == [[[0, 1], [4, 5]], [[8, 9], [8, 9]]]


def test_stripes_hold_the_mean_of_their_clip_and_the_rest_is_as_it_was() -> None:
    torch.manual_seed(0)
    features = draw(40)
    blanked = blank_stripes(features, 2)
    changed = blanked != features
    means = features.mean((1, 2), keepdim=True).expand_as(features)
    torch.testing.assert_close(blanked[changed], means[changed])
    frames, bands = changed.all(2), changed.all(1)
    assert torch.equal(changed, frames.unsqueeze(2) | bands.unsqueeze(1))
    assert 0 < frames.sum(1).max() <= 2 * (32 // 8 + 1) and 0 < bands.sum(1).max() <= 2 * 17
    assert torch.equal(blank_stripes(features, 0), features)
