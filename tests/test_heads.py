"""What every head promises, whatever it asks and however it listens."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cir.model.config import QUERY_KINDS, EncoderConfig
from cir.model.heads import QueryHead
from cir.model.network import MixtureOutput, TimbreNetwork

FAMILIES = ("bass", "synth_lead", "percussion")
SIZE = 32
TINY = EncoderConfig(hidden_size=SIZE, n_layers=2, n_heads=2, note_frames=32, mixture_frames=64)
HEADS = (*QUERY_KINDS, "slots")


def build(head: str, *, presence: bool = True, shared_encoder: bool = True) -> TimbreNetwork:
    torch.manual_seed(0)
    config = replace(TINY, shared_encoder=shared_encoder)
    if head == "slots":
        config = replace(config, n_slots=3)
    else:
        config = replace(config, families=FAMILIES, query_kind=head, presence=presence)
    return TimbreNetwork(config).eval()


def features(batch: int = 3, frames: int = 64) -> Tensor:
    return torch.randn(batch, frames, 128, generator=torch.Generator().manual_seed(1))


def head_of(network: TimbreNetwork) -> QueryHead:
    head = network.family_queries or network.open_slots
    assert head is not None
    return head


def answers(output: MixtureOutput, head: str) -> Tensor:
    return output.slots if head == "slots" else output.queries


def presence(output: MixtureOutput, head: str) -> Tensor:
    return output.slot_presence if head == "slots" else output.query_presence


@pytest.mark.parametrize("head", HEADS)
def test_one_answer_and_one_logit_per_question(head: str) -> None:
    output = build(head).listen(features())
    assert answers(output, head).shape == (3, 3, SIZE)
    assert presence(output, head).shape == (3, 3)
    assert output.pooled.shape == (3, SIZE)
    assert output.queries.shape[1] + output.slots.shape[1] == 3
    assert output.query_presence.shape[1] + output.slot_presence.shape[1] == 3


@pytest.mark.parametrize("head", HEADS)
def test_a_mixture_is_answered_alike_whatever_its_batch(head: str) -> None:
    network, batch = build(head), features()
    together, alone = network.listen(batch), network.listen(batch[1:2])
    for name in ("pooled", "queries", "query_presence", "slots", "slot_presence"):
        torch.testing.assert_close(getattr(together, name)[1:2], getattr(alone, name))


@pytest.mark.parametrize("head", HEADS)
def test_questions_differ_and_so_do_sounds(head: str) -> None:
    found = answers(build(head).listen(features()), head)
    for axis in (0, 1):
        assert found.diff(dim=axis).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("shared_encoder", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_gradients_reach_every_weight(head: str, shared_encoder: bool) -> None:
    network = build(head, shared_encoder=shared_encoder)
    output = network.listen(features())
    heard = [answers(output, head), presence(output, head), network.embed_notes(features())]
    sum(value.square().sum() for value in heard).backward()  # type: ignore[union-attr]
    untouched = {
        name
        for name, weight in network.named_parameters()
        # Adding to all keys alike moves no softmax.
        if weight.grad is None or (not weight.grad.any() and not name.endswith("k_proj.bias"))
    }
    assert not untouched


@pytest.mark.parametrize("head", ["cross_attention", "input_tokens", "slots"])
def test_answers_follow_their_questions(head: str) -> None:
    network, order = build(head), torch.tensor([2, 0, 1])
    before = network.listen(features())
    with torch.no_grad():
        questions = head_of(network).get_parameter("queries")
        questions.copy_(questions[order])
    after = network.listen(features())
    torch.testing.assert_close(answers(after, head), answers(before, head)[:, order])
    torch.testing.assert_close(presence(after, head), presence(before, head)[:, order])


@pytest.mark.parametrize("head", HEADS)
def test_only_the_linear_head_looks_at_nothing_but_the_pooled_embedding(head: str) -> None:
    network = build(head)
    generator = torch.Generator().manual_seed(2)
    pooled = torch.randn(1, SIZE, generator=generator).expand(2, -1)
    tokens = torch.randn(2, 10, SIZE, generator=generator)
    one, other = head_of(network)(tokens, pooled).embeddings
    assert torch.equal(one, other) == (head == "linear")


@pytest.mark.parametrize("kind", QUERY_KINDS)
def test_presence_is_there_only_where_asked_for(kind: str) -> None:
    network = build(kind, presence=False)
    assert network.listen(features()).query_presence.shape == (3, 0)
    assert not [name for name in network.state_dict() if "presence" in name]


def test_slots_know_of_each_other() -> None:
    network = build("slots")
    before = network.listen(features()).slots
    with torch.no_grad():
        head_of(network).get_parameter("queries")[0] += 1
    after = network.listen(features()).slots
    assert (after - before)[:, 1:].abs().max() > 1e-4


def test_the_transformer_is_that_of_transformers() -> None:
    network = build("cross_attention")
    expected = network.ast(features())
    torch.testing.assert_close(network.embed_notes(features()), expected.pooler_output)


def test_query_tokens_go_through_every_layer() -> None:
    network, heard = build("input_tokens"), []
    network.ast.layers[0].register_forward_hook(lambda _, __, output: heard.append(output.shape[1]))
    network.embed_notes(features())
    network.listen(features())
    assert heard == [2 + 8 * 4, 2 + 8 * 4 + len(FAMILIES)]


@pytest.mark.parametrize("kind", QUERY_KINDS)
def test_own_encoders_hear_apart(kind: str) -> None:
    network = build(kind, shared_encoder=False)
    notes = network.embed_notes(features())
    assert (notes - network.listen(features()).pooled).abs().max() > 1e-3
    with torch.no_grad():
        network.mixture_ast.layernorm.bias.add_(1)  # type: ignore[union-attr]
    torch.testing.assert_close(network.embed_notes(features()), notes)


@pytest.mark.parametrize("shared_encoder", [True, False])
def test_attention_may_be_chosen_for_all_encoders(shared_encoder: bool) -> None:
    network = build("cross_attention", shared_encoder=shared_encoder)
    network.set_attention("sdpa")
    fast = network.listen(features())
    network.set_attention("eager")
    asts = [ast for ast in (network.ast, network.mixture_ast) if ast is not None]
    assert [ast.config._attn_implementation for ast in asts] == ["eager"] * (2 - shared_encoder)
    torch.testing.assert_close(network.listen(features()).queries, fast.queries)


def test_dropout_belongs_to_training() -> None:
    torch.manual_seed(0)
    network = TimbreNetwork(replace(TINY, families=FAMILIES, dropout=0.2))
    first, second = network.train().listen(features()), network.listen(features())
    assert (first.queries - second.queries).abs().max() > 1e-3
    first, second = network.eval().listen(features()), network.listen(features())
    np.testing.assert_array_equal(first.queries.detach(), second.queries.detach())
