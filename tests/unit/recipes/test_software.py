"""Versions that are not installed: what is read of them, and what a model then does otherwise."""

from __future__ import annotations

import json

import pytest

from memfit.errors import UsageError
from memfit.recipes import notes
from memfit.recipes.software import Software
from memfit.recipes.wishes import read

SMALL = {
    "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 320, "dtype": "bfloat16",
    "max_position_embeddings": 256, "tie_word_embeddings": False,
}  # fmt: skip


def then(text):
    return Software.parse(text)


def test_versions_are_compared_by_their_numbers():
    software = then("transformers==4.9.1,bitsandbytes==0.43.2")
    assert software.is_before("transformers", 4, 38)
    assert not software.has_kept_inputs
    assert then("bitsandbytes==0.43.1").has_kept_inputs
    assert not then("torch==2.0").has_old_steps
    assert not Software().is_before("torch", 99)


@pytest.mark.parametrize(
    ("habit", "architecture", "last", "first_without"),
    [
        ("float_logits", "llama", "4.45.2", "4.46.0"),
        ("whole_logits", "qwen2", "4.44.2", "4.45.0"),
        ("tables", "qwen2", "4.44.2", "4.45.0"),
        ("tables", "llama", "4.40.2", "4.41.0"),
        ("eager", "llama", "4.35.2", "4.36.0"),
        ("tuples", "llama", "4.41.2", "4.42.0"),
    ],
)
def test_habits_end_with_a_version(habit, architecture, last, first_without):
    assert then(f"transformers=={last}").has(habit, architecture)
    assert not then(f"transformers=={first_without}").has(habit, architecture)


def test_an_architecture_that_nobody_read_has_no_habits():
    assert not then("transformers==4.30").has("float_logits", "of-tomorrow")


def test_torch_is_named_as_its_builds_are():
    assert then("torch==2.1.2,cuda==11.8").torch == "2.1.2+cu118"
    assert then("torch==1.10").torch == "1.10"
    assert then("cuda==11.8").torch is None


@pytest.mark.parametrize(
    "text", ["transformers", "transformers=4", "numpy==2.0", "torch==2.1,torch==2.2", "torch==x", ""]
)
def test_wrong_versions_are_told(text):
    with pytest.raises(UsageError, match="expected versions of"):
        read(["folder", "--software", text], "test")


class TestModels:
    """With the libraries that build them."""

    pytestmark = pytest.mark.torch

    @pytest.fixture
    def made(self, tmp_path):
        pytest.importorskip("transformers")
        (tmp_path / "config.json").write_text(json.dumps(SMALL))

        def make(*words):
            import torch

            from memfit.recipes.language import built
            from memfit.recipes.placing import placed

            notes.NOTES.clear()
            wishes = read([str(tmp_path), *words], "test")
            model = built(wishes).train(bool(wishes.train))
            return placed(model, wishes, torch.device("cpu")), wishes

        return make

    def test_without_versions_nothing_changes(self, made):
        model, _ = made("--generate", "4")
        assert not any(name.startswith("then_") for name, _ in model.named_buffers())
        assert not model._forward_hooks and not model.lm_head._forward_hooks
        assert "other-software" not in notes.NOTES

    def test_a_prompt_had_all_its_logits_in_float32(self, made):
        import torch

        shapes = []
        model, _ = made("--generate", "4", "--software", "transformers==4.38.2")
        model.lm_head.register_forward_hook(lambda _, args, out: shapes.append((tuple(out.shape), out.dtype)))
        model.eval().generate(torch.ones(1, 9, dtype=torch.long), max_new_tokens=2, do_sample=False)
        assert shapes[0] == ((1, 9, 320), torch.float32)
        assert "all its tokens" in notes.NOTES["other-software"]

    def test_from_the_version_on_it_has_those_of_the_last_token(self, made):
        import torch

        shapes = []
        model, _ = made("--generate", "4", "--software", "transformers==4.46")
        model.lm_head.register_forward_hook(lambda _, args, out: shapes.append((tuple(out.shape), out.dtype)))
        model.eval().generate(torch.ones(1, 9, dtype=torch.long), max_new_tokens=2, do_sample=False)
        assert shapes[0] == ((1, 1, 320), torch.bfloat16)

    def test_every_layer_held_cosines_and_sines_of_all_positions(self, made):
        model, _ = made("--train", "full", "--software", "transformers==4.38.2")
        tables = [table for name, table in model.named_buffers() if ".then_" in name]
        assert sum(table.numel() * table.element_size() for table in tables) == 3 * 2 * 256 * 16 * 2

    def test_attention_was_computed_step_by_step(self, made, tmp_path):
        assert made("--software", "transformers==4.36")[0].config._attn_implementation == "sdpa"
        config = {**SMALL, "model_type": "llama", "architectures": ["LlamaForCausalLM"]}
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert made("--software", "transformers==4.35")[0].config._attn_implementation == "eager"
        assert made("--software", "transformers==4.36")[0].config._attn_implementation == "sdpa"

    def test_the_loss_is_the_same_by_another_way(self, made):
        import torch

        text = torch.arange(40).reshape(2, 20)
        torch.manual_seed(0)
        model, _ = made("--train", "full", "--software", "transformers==4.38.2")
        old = model(input_ids=text, labels=text).loss
        del model._loss_function
        assert torch.isclose(old, model(input_ids=text, labels=text).loss, rtol=1e-3)

    def test_four_bit_layers_kept_their_inputs(self):
        import torch

        pytest.importorskip("transformers")
        from memfit.recipes.quantised import quantise

        kept = {}
        for version in ("0.43.1", "0.43.2"):
            net = torch.nn.Sequential(torch.nn.Linear(32, 8), torch.nn.Linear(8, 8))
            quantise(net, then(f"bitsandbytes=={version}"), skip=("1",))
            told = net[0](torch.ones(4, 32, requires_grad=True))
            kept[version] = told.grad_fn.kept
        assert kept["0.43.1"].shape == (4, 32) and kept["0.43.2"] is None

    def test_subclasses_of_linear_layers_were_quantised(self):
        import torch

        pytest.importorskip("transformers")
        from memfit.recipes.quantised import Linear4bit, quantise

        class Own(torch.nn.Linear):
            pass

        for version, replaced in (("4.57.3", True), ("5.23", False)):
            net = torch.nn.Sequential(Own(32, 8))
            quantise(net, then(f"transformers=={version}"))
            assert isinstance(net[0], Linear4bit) is replaced

    def test_four_bit_layers_hold_scales_of_one_byte_or_of_four(self):
        import torch

        pytest.importorskip("transformers")
        from memfit.recipes.quantised import Linear4bit

        held = {
            double: sum(
                each.numel() * each.element_size()
                for each in Linear4bit(torch.nn.Linear(256, 128), double=double).buffers()
            )
            for double in (True, False)
        }
        scales = 256 * 128 // 64
        assert held == {True: scales + 4 * 2 + 4 * 273, False: 4 * scales + 4 * 16}

    def test_a_pass_held_the_cache_that_it_began_with(self):
        import torch

        from memfit.recipes.earlier import Then

        class Layer:
            keys, values = torch.ones(3), torch.ones(4)

        class Cache:
            layers = (Layer(),)

        model, then_ = torch.nn.Linear(1, 1), Then(logits=True, caches=True)
        assert then_.before(model.train(), (), {"past_key_values": Cache()}) is None  # a pass of training keeps nothing
        told = then_.before(model.eval(), (), {"past_key_values": Cache(), "logits_to_keep": 1})
        assert [len(each) for each in then_.held] == [3, 4]
        assert told[1]["logits_to_keep"] == 0
        then_.after(model, (), None)
        assert then_.held == []
