// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer, Metric, RowShape} from "../interfaces/IScorer.sol";
import {DenseBlocks} from "../libraries/DenseBlocks.sol";
import {DenseFormat, DenseLayer, DenseModel} from "../libraries/DenseFormat.sol";
import {Lane, Lanes} from "../libraries/Lanes.sol";
import {Metrics, Residuals} from "../libraries/Metrics.sol";
import {PackedHits} from "../libraries/PackedHits.sol";
import {PackedSums} from "../libraries/PackedSums.sol";
import {Rows, RowTable} from "../libraries/RowTable.sol";

/// @title DenseScorer
/// @notice See {IDenseScorer}.
/// @dev Rows go through the layers in batches; within a batch, each block of outputs and chunk of inputs takes all
/// rows before the next one does, so that its weights are put in place once.
contract DenseScorer is IDenseScorer {
    /* CONSTANTS */

    uint256 private constant BATCH_ROWS = 128;

    /// @dev A batch on its way through the layers: `inputsAt` has a word per row for each block of the layer
    /// before, or the rows' bytes where `input.count` is 0.
    struct Batch {
        uint256 first;
        uint256 count;
        uint256 inputsAt;
        uint256 outputsAt;
        Lane input;
    }

    /* VIEW */

    /// @inheritdoc IScorer
    function score(Metric metric, RowShape calldata shape, address pointer, bytes calldata model)
        external
        view
        returns (int256 scoreWad)
    {
        PackedSums.reserve();
        Metrics.check(metric, shape.classCount);
        DenseModel memory decoded = DenseFormat.decode(model, shape.featureCount, shape.classCount);
        Rows memory rows = RowTable.load(shape, pointer);
        uint256[] memory weightsAt = _unpack(decoded, model);
        (uint256 bufferA, uint256 bufferB) = _buffers(decoded, rows);
        uint256[] memory tallies = new uint256[](metric == Metric.ACCURACY ? 0 : shape.classCount + 1);
        Residuals memory residuals;
        uint256 hits;

        Batch memory batch;
        for (; batch.first < rows.count; batch.first += BATCH_ROWS) {
            uint256 rest = rows.count - batch.first;
            batch.count = rest < BATCH_ROWS ? rest : BATCH_ROWS;
            batch.input = Lane(0, 0, 0, 0);
            batch.inputsAt = rows.at + batch.first * rows.length;
            batch.outputsAt = bufferA;
            for (uint256 i = 0; i < decoded.layers.length; ++i) {
                DenseLayer memory layer = decoded.layers[i];
                _addUp(layer, batch, weightsAt[i], rows.length);
                if (i + 1 < decoded.layers.length) {
                    uint256 words = DenseBlocks.blockCount(layer) * batch.count;
                    Lanes.rectifyAll(batch.outputsAt, words, layer.lane.bits, layer.lane.ones, layer.shift);
                    batch.inputsAt = batch.outputsAt;
                    batch.outputsAt = batch.outputsAt == bufferA ? bufferB : bufferA;
                    batch.input = layer.lane;
                }
            }
            DenseLayer memory output = decoded.layers[decoded.layers.length - 1];
            if (metric == Metric.R2) _addResiduals(decoded.multiplier, output, batch, rows, residuals);
            else if (metric == Metric.ACCURACY) hits += _hits(output, batch, rows);
            else _tally(output, batch, rows, tallies, metric);
        }
        if (metric == Metric.R2) return Metrics.r2(residuals);
        if (metric == Metric.ACCURACY) return Metrics.accuracy(hits, rows.count);
        return Metrics.ofClasses(metric, tallies);
    }

    /* INTERNAL */

    function _unpack(DenseModel memory decoded, bytes calldata model)
        private
        pure
        returns (uint256[] memory weightsAt)
    {
        weightsAt = new uint256[](decoded.layers.length);
        Lane memory input;
        for (uint256 i = 0; i < weightsAt.length; ++i) {
            weightsAt[i] = DenseBlocks.unpack(decoded.layers[i], model, input);
            input = decoded.layers[i].lane;
        }
    }

    /// @dev Two places for a batch's words, each large enough for the widest layer.
    function _buffers(DenseModel memory decoded, Rows memory rows) private pure returns (uint256 a, uint256 b) {
        uint256 blocks = 0;
        for (uint256 i = 0; i < decoded.layers.length; ++i) {
            uint256 own = DenseBlocks.blockCount(decoded.layers[i]);
            if (own > blocks) blocks = own;
        }
        uint256 length = 32 * blocks * (rows.count < BATCH_ROWS ? rows.count : BATCH_ROWS);
        assembly ("memory-safe") {
            a := mload(0x40)
            b := add(a, length)
            mstore(0x40, add(b, length))
        }
    }

    /// @dev The sums of a layer for every row of the batch.
    function _addUp(DenseLayer memory layer, Batch memory batch, uint256 weightsAt, uint256 rowLength) private pure {
        uint256 inputLanes = batch.input.count;
        uint256 padded = DenseBlocks.paddedInputs(layer.inputs, inputLanes);
        uint256 blocks = DenseBlocks.blockCount(layer);
        unchecked {
            for (uint256 b = 0; b < blocks; ++b) {
                uint256 sumsAt = batch.outputsAt + 32 * b * batch.count;
                PackedSums.fill(sumsAt, _load(weightsAt), batch.count);
                weightsAt += 32;
                uint256 first = 0;
                while (first < padded) {
                    uint256 size = inputLanes == 0 ? DenseBlocks.chunkOf(padded - first) : inputLanes;
                    PackedSums.useWeights(weightsAt, size);
                    if (inputLanes == 0) {
                        PackedSums.addBytes(size, batch.inputsAt + first, rowLength, sumsAt, batch.count);
                    } else {
                        uint256 wordsAt = batch.inputsAt + 32 * (first / inputLanes) * batch.count;
                        if (batch.input.bits == 23) PackedSums.addLanes23(wordsAt, sumsAt, batch.count);
                        else PackedSums.addLanes32(wordsAt, sumsAt, batch.count);
                    }
                    weightsAt += 32 * size;
                    first += size;
                }
            }
        }
    }

    function _tally(
        DenseLayer memory output,
        Batch memory batch,
        Rows memory rows,
        uint256[] memory tallies,
        Metric metric
    ) private pure {
        unchecked {
            for (uint256 r = 0; r < batch.count; ++r) {
                uint256 target = RowTable.classOf(rows, batch.first + r);
                if (target < rows.classCount && _isPredicted(output, batch, r, target)) {
                    tallies[target] += Metrics.SUPPORT + Metrics.HIT + Metrics.PREDICTED;
                } else {
                    tallies[target] += Metrics.SUPPORT;
                    if (metric == Metric.MACRO_F1) tallies[_classOf(output, batch, r)] += Metrics.PREDICTED;
                }
            }
        }
    }

    function _hits(DenseLayer memory output, Batch memory batch, Rows memory rows)
        private
        pure
        returns (uint256 hits)
    {
        if (DenseBlocks.blockCount(output) == 1) {
            uint256 targetsAt = RowTable.targetAt(rows, batch.first);
            Lane memory lane = output.lane;
            return PackedHits.count(batch.outputsAt, batch.count, targetsAt, rows.length, lane.bits, lane.ones);
        }
        unchecked {
            for (uint256 r = 0; r < batch.count; ++r) {
                uint256 target = RowTable.classOf(rows, batch.first + r);
                if (target < rows.classCount && _isPredicted(output, batch, r, target)) ++hits;
            }
        }
    }

    /// @dev Whether no class has a larger sum than `target`, and none before it an equal one.
    function _isPredicted(DenseLayer memory output, Batch memory batch, uint256 row, uint256 target)
        private
        pure
        returns (bool)
    {
        Lane memory lane = output.lane;
        unchecked {
            uint256 own = target / lane.count;
            uint256 ownBit = lane.bits * (target - own * lane.count);
            uint256 at = batch.outputsAt + 32 * row;
            uint256 value = (_load(at + 32 * own * batch.count) >> ownBit) & ((1 << lane.bits) - 1);
            uint256 above = 0;
            uint256 blocks = DenseBlocks.blockCount(output);
            for (uint256 b = 0; b < blocks; ++b) {
                uint256 strictBits = b < own ? 256 : b == own ? ownBit : 0;
                above |= Lanes.exceeds(_load(at), value, lane.bits, lane.ones, strictBits);
                at += 32 * batch.count;
            }
            return above == 0;
        }
    }

    /// @dev The lowest class with the largest sum.
    function _classOf(DenseLayer memory output, Batch memory batch, uint256 row) private pure returns (uint256 best) {
        Lane memory lane = output.lane;
        uint256 largest = 0;
        for (uint256 j = 0; j < output.outputs; ++j) {
            uint256 word = _load(batch.outputsAt + 32 * (j / lane.count * batch.count + row));
            uint256 value = (word >> (lane.bits * (j % lane.count))) & ((1 << lane.bits) - 1);
            if (value > largest) (best, largest) = (j, value);
        }
    }

    function _addResiduals(
        uint256 multiplier,
        DenseLayer memory output,
        Batch memory batch,
        Rows memory rows,
        Residuals memory residuals
    ) private pure {
        for (uint256 r = 0; r < batch.count; ++r) {
            int256 sum = int256(_load(batch.outputsAt + 32 * r)) - int256(output.lane.halfRange);
            int256 value = (sum * int256(multiplier)) >> output.shift;
            if (value > type(int32).max) value = type(int32).max;
            if (value < type(int32).min) value = type(int32).min;
            Metrics.add(residuals, RowTable.valueOf(rows, batch.first + r), value);
        }
    }

    function _load(uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(at)
        }
    }
}
