"""The jobs of the accuracy benchmark: name, family, half, and where the function is. Imports none of them.

The halves were assigned before anything was predicted: rows are sorted by family, and tuning and judging alternate
from row to row over the whole table, so that every family is split evenly (to one job). Constants may be tuned on the
tuning half only; figures are claimed on the judging half. A job that is added later goes to the half in which its
family is smaller, to "judging" when both are equal. No job ever changes its half.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

HALVES = ("tuning", "judging")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One ordinary training (or inference) job.

    Args:
        name: the name of the function and of the job.
        family: the kind of model.
        half: "tuning" or "judging".
        module: the module below ``benchmarks.accuracy.jobs`` that holds the function.
        device_scale: by what the batch is multiplied on a real device, so that its peak is worth measuring.
    """

    name: str
    family: str
    half: str
    module: str
    device_scale: float

    def load(self) -> Callable[[str, int, float], None]:
        """The function (device, steps, scale); imports the job's module and with it torch."""
        found: Callable[[str, int, float], None] = getattr(
            importlib.import_module(f"benchmarks.accuracy.jobs.{self.module}"), self.name
        )
        return found


# family, module, half, name, device_scale
_TABLE = """
autoencoder    autoencoder    tuning   conv_autoencoder_adam            8
autoencoder    autoencoder    judging  variational_mlp_adam             8
autoencoder    autoencoder    tuning   vector_quantised_adam            8
autoencoder    autoencoder    judging  masked_autoencoder_adamw         8
bert           bert           tuning   bert_masked_adamw                8
bert           bert           judging  bert_padding_mask_adam           8
bert           bert           tuning   bert_frozen_layers               8
bert           bert           judging  bert_evaluation_between          8
bert           bert           tuning   bert_distillation                8
bert           bert           judging  bert_adapter_lora                8
cnn            cnn            tuning   vgg_sgd                          8
cnn            cnn            judging  resnet_momentum                  8
cnn            cnn            tuning   resnet_channels_last_adamw       8
cnn            cnn            judging  resnet_checkpoint                8
cnn            cnn            tuning   resnet_autocast                  8
cnn            cnn            judging  resnet_frozen_backbone           8
cnn            cnn            tuning   mobilenet_rmsprop                8
cnn            cnn            judging  resnet_evaluation_ema            8
cnn            cnn            tuning   video_conv3d_adam                8
cnn            cnn            judging  audio_conv1d_adamw               8
contrastive    contrastive    tuning   siamese_triplet_adam             8
contrastive    contrastive    judging  simclr_momentum                  8
contrastive    contrastive    tuning   clip_like_adamw                  8
contrastive    contrastive    judging  moco_queue_sgd                   8
gan            generative     tuning   dcgan_adam                       8
gan            generative     judging  wgan_gradient_penalty            8
gan            generative     tuning   pix2pix_patch_gan                8
gpt            gpt            judging  gpt_adamw_fused                  8
gpt            gpt            tuning   gpt_adamw_foreach                8
gpt            gpt            judging  gpt_sgd                          8
gpt            gpt            tuning   gpt_tied_accumulation            8
gpt            gpt            judging  gpt_autocast                     8
gpt            gpt            tuning   gpt_bfloat16_weights             8
gpt            gpt            judging  gpt_checkpoint_reentrant         8
gpt            gpt            tuning   gpt_checkpoint_autocast          8
gpt            gpt            judging  gpt_adafactor                    8
gpt            gpt            tuning   gpt_einsum_long_context          8
gpt            gpt            judging  gpt_optimizer_in_backward        8
graph          graph          tuning   gcn_index_add_adam               8
graph          graph          judging  sage_scatter_mean_adamw          8
graph          graph          tuning   gat_scatter_softmax_adam         8
graph          graph          judging  molecules_edge_network_adam      8
inference      inference      tuning   resnet_inference_mode            8
inference      inference      judging  embed_documents_no_grad          8
inference      inference      tuning   gpt_generate_full_context        8
inference      inference      judging  half_precision_scoring           8
mlp            mlp            tuning   mlp_wide_sgd                     8
mlp            mlp            judging  mlp_momentum_accumulation        8
mlp            mlp            tuning   mlp_tabular_adagrad              8
mlp            mlp            judging  mlp_lbfgs                        8
mlp            mlp            tuning   mlp_rmsprop_clipping             8
mlp            mlp            judging  mlp_double_precision_adam        8
recommender    recommender    tuning   bag_classifier_sparse_sgd        8
recommender    recommender    judging  clicks_sparse_adam               8
recommender    recommender    tuning   clicks_dense_adagrad             8
recommender    recommender    judging  factorisation_adam               8
recommender    recommender    tuning   two_towers_softmax               8
recommender    recommender    judging  session_transformer_adam         8
recurrent      recurrent      tuning   lstm_language_sgd                8
recurrent      recurrent      judging  lstm_bidirectional_adam          8
recurrent      recurrent      tuning   lstm_packed_adamw                8
recurrent      recurrent      judging  gru_sequence_rmsprop             8
recurrent      recurrent      tuning   gru_cell_loop_adam               8
recurrent      recurrent      judging  rnn_attention_decoder_adagrad    8
reinforcement  reinforcement  tuning   dqn_replay_target                8
reinforcement  reinforcement  judging  ppo_clipped_adam                 8
seq2seq        seq2seq        tuning   translation_transformer_adam     8
seq2seq        seq2seq        judging  t5_like_adafactor                8
seq2seq        seq2seq        tuning   speech_conv_ctc_adamw            8
seq2seq        seq2seq        judging  attention_with_weights_adam      8
transformers   huggingface    tuning   hf_gpt2_adamw                    8
transformers   huggingface    judging  hf_bert_classifier_sgd           8
transformers   huggingface    tuning   hf_t5_adafactor                  8
transformers   huggingface    judging  hf_llama_adamw                   8
transformers   huggingface    tuning   hf_llama_checkpoint_bfloat16     8
transformers   huggingface    judging  hf_vit_adam                      8
transformers   huggingface    tuning   hf_gpt2_generate                 8
unet           generative     judging  unet_segmentation_adam           8
unet           generative     tuning   unet_dice_momentum               8
unet           generative     judging  diffusion_ema_adamw              8
unet           generative     tuning   diffusion_autocast_scaler        8
vit            vit            judging  vit_adamw                        8
vit            vit            tuning   vit_checkpoint_sequential        8
vit            vit            judging  vit_autocast_scaler              8
vit            vit            tuning   swin_like_adamw                  8
"""

# The same for jobs of the sizes people train, for devices alone: on a CPU one of them takes minutes.
_DEVICE_TABLE = """
full-size      full_size      judging  full_gpt2_medium_autocast        1
full-size      full_size      tuning   full_bert_base_questions         1
full-size      full_size      judging  full_resnet50_momentum           1
full-size      full_size      tuning   full_convnext_tiny_autocast      1
full-size      full_size      judging  full_vit_base_scaler             1
full-size      full_size      tuning   full_t5_base_adafactor           1
full-size      full_size      judging  full_llama_checkpoint_bfloat16   1
full-size      full_size      tuning   full_llama_generate              1
full-size      full_size      judging  full_whisper_small_autocast      1
full-size      full_size      tuning   full_wav2vec2_ctc                1
full-size      full_size      judging  full_segformer_adamw             1
full-size      full_size      tuning   full_video_mae_adamw             1
"""


def _read(table: str) -> dict[str, Job]:
    jobs = {}
    for line in table.strip().splitlines():
        family, module, half, name, scale = line.split()
        jobs[name] = Job(name=name, family=family, half=half, module=module, device_scale=float(scale))
    return jobs


CPU_JOBS: dict[str, Job] = _read(_TABLE)
JOBS: dict[str, Job] = CPU_JOBS | _read(_DEVICE_TABLE)
