// How TFLite Micro fills an arena, as JSON: head, tail and the smallest arena that a model is prepared in.
//
//   arena FILE
//
// Built for 32 bits this is what a microcontroller has, but for its processor's own kernels. To build it: the sources of
// tensorflow/tflite-micro (commit 90b983c), google/flatbuffers v25.9.23, google/gemmlowp and google/ruy side by side; all
// .cc and .c of tflite-micro's sources.inc (TFL_CC_SRCS and MICROLITE_CC_BASE_SRCS) and of tensorflow/lite/micro/kernels,
// tests left out, flatbuffers/src/util.cpp and this file, in tflite-micro's folder, with
//   g++ -m32 -std=c++17 -O1 -fno-exceptions -DTF_LITE_STATIC_MEMORY -I. -I../flatbuffers/include -I../gemmlowp -I../ruy
#include <cstdio>
#include <vector>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/recording_micro_allocator.h"
#include "tensorflow/lite/schema/schema_generated.h"
using namespace tflite;
static MicroMutableOpResolver<96>& Ops() {
  static MicroMutableOpResolver<96> r; static bool done=false; if(done) return r; done=true;
  r.AddAbs();r.AddAdd();r.AddAddN();r.AddArgMax();r.AddArgMin();r.AddAveragePool2D();r.AddBatchMatMul();r.AddBatchToSpaceNd();
  r.AddBroadcastArgs();r.AddBroadcastTo();r.AddCast();r.AddCeil();r.AddConcatenation();r.AddConv2D();r.AddCos();r.AddCumSum();
  r.AddDepthToSpace();r.AddDepthwiseConv2D();r.AddDequantize();r.AddDiv();r.AddElu();r.AddEqual();r.AddExp();r.AddExpandDims();
  r.AddFill();r.AddFloor();r.AddFloorDiv();r.AddFloorMod();r.AddFullyConnected();r.AddGather();r.AddGatherNd();r.AddGreater();
  r.AddGreaterEqual();r.AddHardSwish();r.AddIf();r.AddL2Normalization();r.AddL2Pool2D();r.AddLeakyRelu();r.AddLess();r.AddLessEqual();
  r.AddLog();r.AddLogicalAnd();r.AddLogicalNot();r.AddLogicalOr();r.AddLogistic();r.AddLogSoftmax();r.AddMaximum();r.AddMaxPool2D();
  r.AddMean();r.AddMinimum();r.AddMirrorPad();r.AddMul();r.AddNeg();r.AddNotEqual();r.AddPack();r.AddPad();r.AddPadV2();r.AddPrelu();
  r.AddQuantize();r.AddReduceMax();r.AddRelu();r.AddRelu6();r.AddReshape();r.AddResizeBilinear();r.AddResizeNearestNeighbor();
  r.AddRound();r.AddRsqrt();r.AddSelectV2();r.AddShape();r.AddSin();r.AddSlice();r.AddSoftmax();r.AddSpaceToBatchNd();r.AddSpaceToDepth();
  r.AddSplit();r.AddSplitV();r.AddSqrt();r.AddSquare();r.AddSquaredDifference();r.AddSqueeze();r.AddStridedSlice();r.AddSub();r.AddSum();
  r.AddSvdf();r.AddTanh();r.AddTranspose();r.AddTransposeConv();r.AddUnidirectionalSequenceLSTM();r.AddUnpack();r.AddWhile();r.AddZerosLike();
  return r;
}
static uint8_t* Aligned(std::vector<uint8_t>& room) {
  return reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(room.data()) + 15) & ~static_cast<uintptr_t>(15));
}

static bool Fits(const Model* model, size_t size) {
  std::vector<uint8_t> room(size + 16);
  MicroInterpreter interpreter(model, Ops(), Aligned(room), size);
  return interpreter.initialization_status() == kTfLiteOk && interpreter.AllocateTensors() == kTfLiteOk;
}

int main(int count, char** words) {
  if (count != 2) return 2;
  FILE* file = fopen(words[1], "rb");
  if (file == nullptr) return 2;
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  std::vector<uint8_t> held(length + 16);
  uint8_t* data = Aligned(held);
  if (fread(data, 1, length, file) != static_cast<size_t>(length)) return 2;
  const Model* model = GetModel(data);
  const size_t enough = 128u << 20;
  std::vector<uint8_t> room(enough + 16);
  auto* recorder = RecordingMicroAllocator::Create(Aligned(room), enough);
  MicroInterpreter interpreter(model, Ops(), recorder);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 1;
  const size_t head = recorder->GetSimpleMemoryAllocator()->GetNonPersistentUsedBytes();
  const size_t tail = recorder->GetSimpleMemoryAllocator()->GetPersistentUsedBytes();
  size_t low = 0, high = enough;
  while (high - low > 16) {
    const size_t middle = (low + high) / 2 / 16 * 16;
    (Fits(model, middle) ? high : low) = middle;
  }
  printf("{\"head\": %zu, \"tail\": %zu, \"smallest\": %zu}\n", head, tail, high);
}
