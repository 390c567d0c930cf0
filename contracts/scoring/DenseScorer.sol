// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer, Mapping, Metric, RowRange, RowShape} from "../interfaces/IScorer.sol";
import {DenseBlocks} from "../libraries/DenseBlocks.sol";
import {DenseFormat, DenseLayer} from "../libraries/DenseFormat.sol";
import {Lane, Lanes} from "../libraries/Lanes.sol";
import {Metrics} from "../libraries/Metrics.sol";
import {PackedHits} from "../libraries/PackedHits.sol";
import {PackedLinear} from "../libraries/PackedLinear.sol";
import {PackedSums} from "../libraries/PackedSums.sol";
import {Rows, RowTable} from "../libraries/RowTable.sol";
import {SecureMapping} from "../libraries/SecureMapping.sol";

/// @title DenseScorer
/// @notice See {IDenseScorer}.
/// @dev Rows go through the layers in batches; within a batch, each block of outputs and chunk of inputs takes all
/// rows before the next one does, so that its weights are put in place once.
contract DenseScorer is IDenseScorer {
    /* CONSTANTS */

    uint256 private constant BATCH_ROWS = 128;

    /// @dev A batch on its way through the layers: rows from `first` on, and for each block of the layer it has
    /// reached `count` words of sums from `sumsAt` on.
    struct Batch {
        uint256 first;
        uint256 count;
        uint256 bufferA;
        uint256 bufferB;
        uint256 sumsAt;
        uint256 blocks;
        Lane lane;
    }

    /* VIEW */

    /// @inheritdoc IScorer
    function tally(
        Metric metric,
        RowShape calldata shape,
        Mapping calldata mapping_,
        RowRange calldata range,
        bytes calldata model
    ) external view returns (uint256[] memory words) {
        PackedSums.reserve();
        Metrics.check(metric, shape.classCount);
        Rows memory rows = RowTable.load(shape, range);
        if (mapping_.width != 0) rows = SecureMapping.map(rows, mapping_.width, mapping_.seed);
        DenseLayer only = DenseFormat.linearOf(model, rows.featureCount, rows.classCount);
        if (metric == Metric.ACCURACY && PackedLinear.fits(only)) {
            words = new uint256[](1);
            unchecked {
                words[0] = rows.count * Metrics.SUPPORT + PackedLinear.hits(only, model, rows) * Metrics.HIT;
            }
        } else {
            words = Metrics.none(metric, shape.classCount);
            _tallyInBatches(metric, rows, model, words);
        }
    }

    /* INTERNAL */

    function _tallyInBatches(Metric metric, Rows memory rows, bytes calldata model, uint256[] memory words)
        private
        pure
    {
        (DenseLayer[] memory layers, uint256 multiplier) =
            DenseFormat.decode(model, rows.featureCount, rows.classCount);
        uint256[] memory weightsAt = _unpack(layers, model);
        Batch memory batch;
        (batch.bufferA, batch.bufferB) = _buffers(layers, rows);
        for (; batch.first < rows.count; batch.first += BATCH_ROWS) {
            _infer(layers, weightsAt, rows, batch);
            if (metric == Metric.R2) {
                _tallyValues(multiplier, layers[layers.length - 1], batch, rows, words);
            } else if (metric == Metric.ACCURACY) {
                words[0] += batch.count * Metrics.SUPPORT + _hits(batch, rows) * Metrics.HIT;
            } else {
                _tallyClasses(batch, rows, words, metric);
            }
        }
    }

    function _unpack(DenseLayer[] memory layers, bytes calldata model)
        private
        pure
        returns (uint256[] memory weightsAt)
    {
        weightsAt = new uint256[](layers.length);
        Lane memory input;
        for (uint256 i = 0; i < weightsAt.length; ++i) {
            weightsAt[i] = DenseBlocks.unpack(layers[i], model, input);
            input = layers[i].lane();
        }
    }

    /// @dev Two places for a batch's words, each large enough for the widest layer, and the word behind it that
    /// `PackedSums` may overwrite.
    function _buffers(DenseLayer[] memory layers, Rows memory rows)
        private
        pure
        returns (uint256 a, uint256 b)
    {
        uint256 blocks = 0;
        for (uint256 i = 0; i < layers.length; ++i) {
            uint256 own = Lanes.blockCount(layers[i].lane(), layers[i].outputs());
            if (own > blocks) blocks = own;
        }
        uint256 length = 32 * (1 + blocks * (rows.count < BATCH_ROWS ? rows.count : BATCH_ROWS));
        assembly ("memory-safe") {
            a := mload(0x40)
            b := add(a, length)
            mstore(0x40, add(b, length))
        }
    }

    /// @dev Takes the batch's rows to the sums of the output layer, which end up at `sumsAt`.
    function _infer(
        DenseLayer[] memory layers,
        uint256[] memory weightsAt,
        Rows memory rows,
        Batch memory batch
    ) private pure {
        uint256 rest = rows.count - batch.first;
        batch.count = rest < BATCH_ROWS ? rest : BATCH_ROWS;
        batch.sumsAt = batch.bufferA;
        _addUp(
            layers[0],
            batch,
            weightsAt[0],
            Lane(0, 0, 0, 0),
            rows.ptr + batch.first * rows.length,
            rows.length
        );
        for (uint256 i = 1; i < layers.length; ++i) {
            uint256 end = batch.sumsAt + 32 * batch.blocks * batch.count;
            Lanes.rectifyAll(batch.sumsAt, end, batch.lane.bits, batch.lane.ones, layers[i - 1].shift());
            uint256 inputsAt = batch.sumsAt;
            batch.sumsAt = inputsAt == batch.bufferA ? batch.bufferB : batch.bufferA;
            _addUp(layers[i], batch, weightsAt[i], batch.lane, inputsAt, 32);
        }
    }

    /// @dev The sums of a layer for every row of the batch. Inputs come in bytes where `input.count` is 0.
    function _addUp(
        DenseLayer layer,
        Batch memory batch,
        uint256 weightsAt,
        Lane memory input,
        uint256 inputsAt,
        uint256 inputLength
    ) private pure {
        uint256 length = 32 * batch.count;
        uint256 sumsAt = batch.sumsAt;
        uint256 padded = DenseBlocks.paddedInputs(layer.inputs(), input.count);
        batch.lane = layer.lane();
        batch.blocks = Lanes.blockCount(batch.lane, layer.outputs());
        unchecked {
            for (uint256 b = 0; b < batch.blocks; ++b) {
                PackedSums.fill(sumsAt, weightsAt, length);
                weightsAt += 32;
                for (uint256 first = 0; first < padded;) {
                    uint256 size = DenseBlocks.sumSize(padded - first, input.count);
                    PackedSums.useWeights(weightsAt, size);
                    if (input.count == 0) {
                        PackedSums.addBytes(size, inputsAt + first, inputLength, sumsAt, sumsAt + length);
                    } else {
                        // slither-disable-next-line divide-before-multiply (a place, not an amount)
                        uint256 wordsAt = inputsAt + first / input.count * length;
                        PackedSums.addLanes(input.bits, size / input.count, wordsAt, sumsAt, sumsAt + length);
                    }
                    weightsAt += 32 * size;
                    first += size;
                }
                sumsAt += length;
            }
        }
    }

    function _hits(Batch memory batch, Rows memory rows) private pure returns (uint256 hits) {
        if (batch.blocks == 1) {
            uint256 targetsAt = RowTable.targetAt(rows, batch.first);
            Lane memory lane = batch.lane;
            return PackedHits.count(batch.sumsAt, batch.count, targetsAt, rows.length, lane.bits, lane.ones);
        }
        unchecked {
            for (uint256 r = 0; r < batch.count; ++r) {
                uint256 target = RowTable.classOf(rows, batch.first + r);
                if (target < rows.classCount && _isPredicted(batch, r, target)) ++hits;
            }
        }
    }

    function _tallyClasses(Batch memory batch, Rows memory rows, uint256[] memory words, Metric metric)
        private
        pure
    {
        unchecked {
            for (uint256 r = 0; r < batch.count; ++r) {
                uint256 target = RowTable.classOf(rows, batch.first + r);
                bool isHit = target < rows.classCount && _isPredicted(batch, r, target);
                words[target] += isHit ? Metrics.SUPPORT + Metrics.HIT : Metrics.SUPPORT;
                if (metric == Metric.MACRO_F1) {
                    words[isHit ? target : _classOf(batch, rows.classCount, r)] += Metrics.PREDICTED;
                }
            }
        }
    }

    /// @dev Whether no class has a larger sum than `target`, and none before it an equal one.
    function _isPredicted(Batch memory batch, uint256 row, uint256 target) private pure returns (bool) {
        Lane memory lane = batch.lane;
        unchecked {
            // slither-disable-next-line divide-before-multiply (a place, not an amount)
            uint256 own = target / lane.count;
            uint256 ownBit = lane.bits * (target - own * lane.count);
            uint256 ptr = batch.sumsAt + 32 * row;
            uint256 value = (_load(ptr + 32 * own * batch.count) >> ownBit) & ((1 << lane.bits) - 1);
            uint256 above = 0;
            for (uint256 b = 0; b < batch.blocks; ++b) {
                uint256 strictBits = b < own ? 256 : b == own ? ownBit : 0;
                above |= Lanes.exceeds(_load(ptr), value, lane.bits, lane.ones, strictBits);
                ptr += 32 * batch.count;
            }
            return above == 0;
        }
    }

    /// @dev The lowest class with the largest sum.
    function _classOf(Batch memory batch, uint256 classCount, uint256 row)
        private
        pure
        returns (uint256 best)
    {
        Lane memory lane = batch.lane;
        uint256 largest = 0;
        for (uint256 j = 0; j < classCount; ++j) {
            // slither-disable-next-line divide-before-multiply (a place, not an amount)
            uint256 word = _load(batch.sumsAt + 32 * (j / lane.count * batch.count + row));
            uint256 value = (word >> (lane.bits * (j % lane.count))) & ((1 << lane.bits) - 1);
            if (value > largest) (best, largest) = (j, value);
        }
    }

    function _tallyValues(
        uint256 multiplier,
        DenseLayer output,
        Batch memory batch,
        Rows memory rows,
        uint256[] memory words
    ) private pure {
        for (uint256 r = 0; r < batch.count; ++r) {
            int256 sum = int256(_load(batch.sumsAt + 32 * r)) - int256(batch.lane.halfRange);
            int256 value = (sum * int256(multiplier)) >> output.shift();
            if (value > type(int32).max) value = type(int32).max;
            if (value < type(int32).min) value = type(int32).min;
            Metrics.addValue(words, RowTable.valueOf(rows, batch.first + r), value);
        }
    }

    function _load(uint256 ptr) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(ptr)
        }
    }
}
