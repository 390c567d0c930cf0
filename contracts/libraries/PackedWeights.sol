// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A block's part of a layer's weights, in calldata.
/// @param from Where the 32 bytes begin that end with the weight of the first input for the block's first output.
/// @param stride From one input to the next, in bytes.
/// @param inputs How many there are.
/// @param bits Width of a lane.
/// @param mask The lowest bytes of a word, one for each of the block's outputs.
/// @param lowest 128 in each of the block's lanes.
struct WeightSource {
    uint256 from;
    uint256 stride;
    uint256 inputs;
    uint256 bits;
    uint256 mask;
    uint256 lowest;
}

/// @title PackedWeights
/// @notice Weights out of a model's bytes, in the form that `PackedSums` takes.
///
/// The word `W_i` has the weights of input `i` in its lanes, `sum_k weight_ik 2^(bits k)` modulo 2^256. In the model
/// they are bytes, the last of them for output 0. The bytes are moved apart by halves until each is at the bottom of
/// its lane: with `d = bits - 8`, those from the eighth on go up by `8 d` bits, then of each eight the upper four by
/// `4 d`, of each four the upper two by `2 d`, of each two the upper one by `d`.
///
/// A step that goes up by `s` is a multiplication by `1 + 2^s`, and a mask keeps of both copies what is in its place.
/// Where the copies would meet, as they do in lanes of 23 bits, the upper parts `u` alone are taken: `x + (2^s - 1) u`.
/// Both are written so that the optimizer leaves them alone: it pulls a mask into `x | x << s`, at nearly twice the
/// price.
///
/// A signed byte plus 128 is the byte with its top bit flipped; the 128 are taken off all lanes at once.
library PackedWeights {
    uint256 private constant FLIP = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @notice Writes a chunk for inputs that come in bytes: `W_i - 256 W_(i+1)`, and `W_i` for the last; zeros for
    /// what only pads.
    /// @param first The chunk's first input; it exists.
    /// @param size How many words to write.
    function unpackBytes(WeightSource memory source, uint256 to, uint256 first, uint256 size) internal pure {
        unchecked {
            (uint256 stride, uint256 rest) = (source.stride, source.inputs - first);
            uint256 count = rest < size ? rest : size;
            uint256 end = to + 32 * count;
            assembly ("memory-safe") {
                calldatacopy(end, calldatasize(), shl(5, sub(size, count)))
            }
            uint256 from = source.from + (first + count - 1) * stride;
            _unpack(source, from, 0 - stride, end - 32, to - 32, 8);
        }
    }

    /// @notice Writes a chunk for inputs that come in lanes of `inputBits`: `W_k - 2^inputBits W_(k-1)`, and `W_k` for
    /// the first; zeros for what only pads, but for the first of those words, which has no weights of its own.
    function unpackLanes(
        WeightSource memory source,
        uint256 to,
        uint256 first,
        uint256 size,
        uint256 inputBits
    ) internal pure {
        unchecked {
            (uint256 stride, uint256 rest) = (source.stride, source.inputs - first);
            uint256 count = rest < size ? rest : size;
            uint256 end = to + 32 * count;
            uint256 last = _unpack(source, source.from + first * stride, stride, to, end, inputBits);
            if (count == size) return;
            assembly ("memory-safe") {
                calldatacopy(end, calldatasize(), shl(5, sub(size, count)))
                mstore(end, sub(0, shl(inputBits, last)))
            }
        }
    }

    /// @dev Writes words from `to` on, up or down to before `end`, less `2^chainBits` times the one before. Returns
    /// the last `W_i`.
    function _unpack(
        WeightSource memory source,
        uint256 from,
        uint256 stride,
        uint256 to,
        uint256 end,
        uint256 chainBits
    ) private pure returns (uint256) {
        uint256 step = to < end ? 32 : type(uint256).max - 31;
        (uint256 mask, uint256 lowest) = (source.mask, source.lowest);
        if (source.bits == 23) return _unpack23(from, stride, mask, lowest, to, step, end, chainBits);
        if (source.bits == 25) return _unpack25(from, stride, mask, lowest, to, step, end, chainBits);
        return _unpack32(from, stride, mask, lowest, to, step, end, chainBits);
    }

    /// @dev Lanes of 23 bits. The loop's end is kept in scratch memory, out of the way of the stack.
    function _unpack23(
        uint256 from,
        uint256 stride,
        uint256 mask,
        uint256 lowest,
        uint256 to,
        uint256 step,
        uint256 end,
        uint256 chainBits
    ) private pure returns (uint256 last) {
        assembly ("memory-safe") {
            mstore(0, end)
            for {} sub(to, mload(0)) { to := add(to, step) } {
                let x := and(xor(calldataload(from), FLIP), mask)
                from := add(from, stride)
                x := and(
                    mul(x, 0x1000000000000000000000000000001),
                    0xffffff000000000000000000000000000000ffffffffffffffff
                )
                x := add(x, mul(and(x, 0xffffffff00000000), 0xfffffffffffffff))
                x := add(x, mul(and(x, 0xff0000000000000000000ffff0000000000000000000ffff0000), 0x3fffffff))
                x := add(x, mul(and(x, 0xff0000000003fc000000000ff0000000003fc000000000ff00), 0x7fff))
                x := sub(x, lowest)
                mstore(to, sub(x, shl(chainBits, last)))
                last := x
            }
        }
    }

    /// @dev Lanes of 25 bits.
    function _unpack25(
        uint256 from,
        uint256 stride,
        uint256 mask,
        uint256 lowest,
        uint256 to,
        uint256 step,
        uint256 end,
        uint256 chainBits
    ) private pure returns (uint256 last) {
        assembly ("memory-safe") {
            mstore(0, end)
            for {} sub(to, mload(0)) { to := add(to, step) } {
                let x := and(xor(calldataload(from), FLIP), mask)
                from := add(from, stride)
                x := and(
                    mul(x, 0x10000000000000000000000000000000001),
                    0xffff0000000000000000000000000000000000ffffffffffffffff
                )
                x := and(
                    mul(x, 0x100000000000000001),
                    0xffff00000000000000000ffffffff00000000000000000ffffffff
                )
                x := and(mul(x, 0x400000001), 0xffff000000003fffc00000000ffff000000003fffc00000000ffff)
                x := sub(
                    and(mul(x, 0x20001), 0x1fe0000ff00007f80003fc0001fe0000ff00007f80003fc0001fe0000ff),
                    lowest
                )
                mstore(to, sub(x, shl(chainBits, last)))
                last := x
            }
        }
    }

    /// @dev Lanes of 32 bits, of which there are eight.
    function _unpack32(
        uint256 from,
        uint256 stride,
        uint256 mask,
        uint256 lowest,
        uint256 to,
        uint256 step,
        uint256 end,
        uint256 chainBits
    ) private pure returns (uint256 last) {
        assembly ("memory-safe") {
            mstore(0, end)
            for {} sub(to, mload(0)) { to := add(to, step) } {
                let x := and(xor(calldataload(from), FLIP), mask)
                from := add(from, stride)
                x := and(mul(x, 0x1000000000000000000000001), 0xffffffff000000000000000000000000ffffffff)
                x := and(mul(x, 0x1000000000001), 0xffff000000000000ffff000000000000ffff000000000000ffff)
                x := sub(
                    and(mul(x, 0x1000001), 0xff000000ff000000ff000000ff000000ff000000ff000000ff000000ff),
                    lowest
                )
                mstore(to, sub(x, shl(chainBits, last)))
                last := x
            }
        }
    }
}
