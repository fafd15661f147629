"""What every head promises, whatever it asks and however it listens."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cir.model.ast import TimbreNetwork
from cir.model.ast_config import EncoderConfig
from cir.model.heads import QueryHead

FAMILIES = ("bass", "synth_lead", "percussion")
SIZE = 32
TINY = EncoderConfig(hidden_size=SIZE, n_layers=2, n_heads=2, note_frames=32, mixture_frames=64)

every_head = pytest.mark.parametrize("head", ["cross_attention", "linear"])


def build(head: str, *, shared_encoder: bool = True) -> TimbreNetwork:
    torch.manual_seed(0)
    config = replace(TINY, shared_encoder=shared_encoder)
    config = replace(config, families=FAMILIES, query_kind=head)  # type: ignore[arg-type]
    return TimbreNetwork(config).eval()


def features(batch: int = 3, frames: int = 64) -> Tensor:
    return torch.randn(batch, frames, 128, generator=torch.Generator().manual_seed(1))


def head_of(network: TimbreNetwork) -> QueryHead:
    assert network.family_queries is not None
    return network.family_queries


@every_head
def test_one_answer_per_question(head: str) -> None:
    output = build(head).listen(features())
    assert output.embeddings.shape == (3, 3, SIZE)
    assert output.presence.shape == (3, 0)
    assert output.overall.shape == (3, SIZE)
    assert torch.equal(output.with_overall[:, 0], output.overall)


@every_head
def test_a_mixture_is_answered_alike_whatever_its_batch(head: str) -> None:
    network, batch = build(head), features()
    together, alone = network.listen(batch), network.listen(batch[1:2])
    for name in ("overall", "embeddings"):
        torch.testing.assert_close(getattr(together, name)[1:2], getattr(alone, name))


@every_head
def test_questions_differ_and_so_do_sounds(head: str) -> None:
    found = build(head).listen(features()).embeddings
    for axis in (0, 1):
        assert found.diff(dim=axis).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("shared_encoder", [True, False])
@every_head
def test_gradients_reach_every_weight(head: str, shared_encoder: bool) -> None:
    network = build(head, shared_encoder=shared_encoder)
    output = network.listen(features())
    heard = [output.embeddings, network.embed_notes(features())]
    sum(value.square().sum() for value in heard).backward()  # type: ignore[union-attr]
    untouched = {
        name
        for name, weight in network.named_parameters()
        # Adding to all keys alike moves no softmax.
        if weight.grad is None or (not weight.grad.any() and not name.endswith("k_proj.bias"))
    }
    assert not untouched


def test_answers_follow_their_questions() -> None:
    network, order = build("cross_attention"), torch.tensor([2, 0, 1])
    before = network.listen(features())
    with torch.no_grad():
        questions = head_of(network).get_parameter("queries")
        questions.copy_(questions[order])
    after = network.listen(features())
    torch.testing.assert_close(after.embeddings, before.embeddings[:, order])


@every_head
def test_only_the_linear_head_looks_at_nothing_but_the_pooled_embedding(head: str) -> None:
    network = build(head)
    generator = torch.Generator().manual_seed(2)
    pooled = torch.randn(1, SIZE, generator=generator).expand(2, -1)
    tokens = torch.randn(2, 10, SIZE, generator=generator)
    one, other = head_of(network)(tokens, pooled).embeddings
    assert torch.equal(one, other) == (head == "linear")


def test_the_transformer_is_that_of_transformers() -> None:
    network = build("cross_attention")
    expected = network.ast(features())
    torch.testing.assert_close(network.embed_notes(features()), expected.pooler_output)


@every_head
def test_own_encoders_hear_apart(head: str) -> None:
    network = build(head, shared_encoder=False)
    notes = network.embed_notes(features())
    assert (notes - network.listen(features()).overall).abs().max() > 1e-3
    with torch.no_grad():
        network.mixture_ast.layernorm.bias.add_(1)  # type: ignore[union-attr]
    torch.testing.assert_close(network.embed_notes(features()), notes)


def test_dropout_belongs_to_training() -> None:
    torch.manual_seed(0)
    network = TimbreNetwork(replace(TINY, families=FAMILIES, dropout=0.2))
    first, second = network.train().listen(features()), network.listen(features())
    assert (first.embeddings - second.embeddings).abs().max() > 1e-3
    first, second = network.eval().listen(features()), network.listen(features())
    np.testing.assert_array_equal(first.embeddings.detach(), second.embeddings.detach())
