// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PackedSums
/// @notice The scorer's inner loops: for every row, a chunk of inputs times a chunk of a block's weights, added to
/// the block's sums.
///
/// A block is a word of lanes, one for each of up to eleven outputs; a chunk is up to 64 inputs. What the block's
/// weights contribute is `sum_i x_i W_i`, where `W_i` has the weight of input `i` for output `k` in lane `k`. One
/// `MUL` so multiplies one input with eleven weights.
///
/// Taking `x_i` out of a row costs as much as the multiplication, unless it is not taken out. The word that
/// *ends* with byte `i` of the row is `s_i = 256 s_(i-1) + x_i` modulo 2^256, with `s_(-1) = 0` where zeros lie
/// before the row. Hence
///
///     sum_i x_i W_i = sum_i (s_i - 256 s_(i-1)) W_i = sum_i s_i (W_i - 256 W_(i+1))    modulo 2^256,
///
/// and with weights stored as `W_i - 256 W_(i+1)` an unaligned `mload` is all that an input needs. A hidden
/// layer's inputs lie in lanes of `b` bits instead, and there `s_k = word >> b k = x_k + 2^b s_(k+1)` gives in the
/// same way `sum_k x_k W_k = sum_k s_k (W_k - 2^b W_(k-1))`.
///
/// Row and weights are copied to fixed addresses, because `PUSH MLOAD` is half the price of address arithmetic.
/// @dev Warning: `reserve` must be called before anything else is put into memory.
library PackedSums {
    /// @dev Zeros, 64 bytes of a row's chunk, 64 words of weights, zeros, and 64 bytes of a second row's chunk.
    uint256 internal constant ROW_AT = 0x440;
    uint256 internal constant WEIGHTS_AT = 0x480;
    uint256 private constant SECOND_ROW_AT = 0xcc0;
    uint256 private constant RESERVED_FROM = 0x400;
    uint256 private constant RESERVED_TO = 0xd00;

    /// @notice Keeps the fixed addresses free of other use.
    function reserve() internal pure {
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
            mstore(0x40, RESERVED_TO)
        }
        assert(free <= RESERVED_FROM);
    }

    /// @notice Adds a chunk of `size` inputs (4, 8, 16, 32 or 64), read from rows of bytes, to the sums.
    /// @param rowsAt Where the chunk begins in the first row.
    /// @param rowLength From one row to the next, in bytes.
    /// @param sumsAt Where the first row's sum is; one word per row, up to `sumsEnd`.
    function addBytes(uint256 size, uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd)
        internal
        pure
    {
        if (size == 64) addBytes64(rowsAt, rowLength, sumsAt, sumsEnd);
        else if (size == 32) addBytes32(rowsAt, rowLength, sumsAt, sumsEnd);
        else if (size == 16) addBytes16(rowsAt, rowLength, sumsAt, sumsEnd);
        else if (size == 8) addBytes8(rowsAt, rowLength, sumsAt, sumsEnd);
        else addBytes4(rowsAt, rowLength, sumsAt, sumsEnd);
    }

    /// @notice Adds a chunk of inputs, read from hidden lanes of `bits` bits, to the sums.
    /// @param wordsAt Where the first row's word is; the words of the next block begin where those of this one end.
    /// @param words How many blocks of words the chunk takes from each row: 1, or 3 where `bits` is 23.
    function addLanes(uint256 bits, uint256 words, uint256 wordsAt, uint256 sumsAt, uint256 sumsEnd)
        internal
        pure
    {
        if (words == 3) addThreeLanes23(wordsAt, sumsAt, sumsEnd);
        else if (bits == 23) addLanes23(wordsAt, sumsAt, sumsEnd);
        else addLanes32(wordsAt, sumsAt, sumsEnd);
    }

    /// @dev Two rows at a time; after an odd number of rows, one word behind the last sum is overwritten. The end is
    /// kept in scratch memory, because the optimizer would compute it anew for every row.
    function addBytes64(uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 64) } {
                mcopy(ROW_AT, rowsAt, 64)
                let sum := mload(sumsAt)
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                sum := add(mul(mload(0x426), mload(0x520)), add(mul(mload(0x425), mload(0x500)), sum))
                sum := add(mul(mload(0x428), mload(0x560)), add(mul(mload(0x427), mload(0x540)), sum))
                sum := add(mul(mload(0x42a), mload(0x5a0)), add(mul(mload(0x429), mload(0x580)), sum))
                sum := add(mul(mload(0x42c), mload(0x5e0)), add(mul(mload(0x42b), mload(0x5c0)), sum))
                sum := add(mul(mload(0x42e), mload(0x620)), add(mul(mload(0x42d), mload(0x600)), sum))
                sum := add(mul(mload(0x430), mload(0x660)), add(mul(mload(0x42f), mload(0x640)), sum))
                sum := add(mul(mload(0x432), mload(0x6a0)), add(mul(mload(0x431), mload(0x680)), sum))
                sum := add(mul(mload(0x434), mload(0x6e0)), add(mul(mload(0x433), mload(0x6c0)), sum))
                sum := add(mul(mload(0x436), mload(0x720)), add(mul(mload(0x435), mload(0x700)), sum))
                sum := add(mul(mload(0x438), mload(0x760)), add(mul(mload(0x437), mload(0x740)), sum))
                sum := add(mul(mload(0x43a), mload(0x7a0)), add(mul(mload(0x439), mload(0x780)), sum))
                sum := add(mul(mload(0x43c), mload(0x7e0)), add(mul(mload(0x43b), mload(0x7c0)), sum))
                sum := add(mul(mload(0x43e), mload(0x820)), add(mul(mload(0x43d), mload(0x800)), sum))
                sum := add(mul(mload(0x440), mload(0x860)), add(mul(mload(0x43f), mload(0x840)), sum))
                sum := add(mul(mload(0x442), mload(0x8a0)), add(mul(mload(0x441), mload(0x880)), sum))
                sum := add(mul(mload(0x444), mload(0x8e0)), add(mul(mload(0x443), mload(0x8c0)), sum))
                sum := add(mul(mload(0x446), mload(0x920)), add(mul(mload(0x445), mload(0x900)), sum))
                sum := add(mul(mload(0x448), mload(0x960)), add(mul(mload(0x447), mload(0x940)), sum))
                sum := add(mul(mload(0x44a), mload(0x9a0)), add(mul(mload(0x449), mload(0x980)), sum))
                sum := add(mul(mload(0x44c), mload(0x9e0)), add(mul(mload(0x44b), mload(0x9c0)), sum))
                sum := add(mul(mload(0x44e), mload(0xa20)), add(mul(mload(0x44d), mload(0xa00)), sum))
                sum := add(mul(mload(0x450), mload(0xa60)), add(mul(mload(0x44f), mload(0xa40)), sum))
                sum := add(mul(mload(0x452), mload(0xaa0)), add(mul(mload(0x451), mload(0xa80)), sum))
                sum := add(mul(mload(0x454), mload(0xae0)), add(mul(mload(0x453), mload(0xac0)), sum))
                sum := add(mul(mload(0x456), mload(0xb20)), add(mul(mload(0x455), mload(0xb00)), sum))
                sum := add(mul(mload(0x458), mload(0xb60)), add(mul(mload(0x457), mload(0xb40)), sum))
                sum := add(mul(mload(0x45a), mload(0xba0)), add(mul(mload(0x459), mload(0xb80)), sum))
                sum := add(mul(mload(0x45c), mload(0xbe0)), add(mul(mload(0x45b), mload(0xbc0)), sum))
                sum := add(mul(mload(0x45e), mload(0xc20)), add(mul(mload(0x45d), mload(0xc00)), sum))
                sum := add(mul(mload(0x460), mload(0xc60)), add(mul(mload(0x45f), mload(0xc40)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
                mcopy(SECOND_ROW_AT, rowsAt, 64)
                sum := mload(add(sumsAt, 32))
                sum := add(mul(mload(0xca2), mload(0x4a0)), add(mul(mload(0xca1), mload(0x480)), sum))
                sum := add(mul(mload(0xca4), mload(0x4e0)), add(mul(mload(0xca3), mload(0x4c0)), sum))
                sum := add(mul(mload(0xca6), mload(0x520)), add(mul(mload(0xca5), mload(0x500)), sum))
                sum := add(mul(mload(0xca8), mload(0x560)), add(mul(mload(0xca7), mload(0x540)), sum))
                sum := add(mul(mload(0xcaa), mload(0x5a0)), add(mul(mload(0xca9), mload(0x580)), sum))
                sum := add(mul(mload(0xcac), mload(0x5e0)), add(mul(mload(0xcab), mload(0x5c0)), sum))
                sum := add(mul(mload(0xcae), mload(0x620)), add(mul(mload(0xcad), mload(0x600)), sum))
                sum := add(mul(mload(0xcb0), mload(0x660)), add(mul(mload(0xcaf), mload(0x640)), sum))
                sum := add(mul(mload(0xcb2), mload(0x6a0)), add(mul(mload(0xcb1), mload(0x680)), sum))
                sum := add(mul(mload(0xcb4), mload(0x6e0)), add(mul(mload(0xcb3), mload(0x6c0)), sum))
                sum := add(mul(mload(0xcb6), mload(0x720)), add(mul(mload(0xcb5), mload(0x700)), sum))
                sum := add(mul(mload(0xcb8), mload(0x760)), add(mul(mload(0xcb7), mload(0x740)), sum))
                sum := add(mul(mload(0xcba), mload(0x7a0)), add(mul(mload(0xcb9), mload(0x780)), sum))
                sum := add(mul(mload(0xcbc), mload(0x7e0)), add(mul(mload(0xcbb), mload(0x7c0)), sum))
                sum := add(mul(mload(0xcbe), mload(0x820)), add(mul(mload(0xcbd), mload(0x800)), sum))
                sum := add(mul(mload(0xcc0), mload(0x860)), add(mul(mload(0xcbf), mload(0x840)), sum))
                sum := add(mul(mload(0xcc2), mload(0x8a0)), add(mul(mload(0xcc1), mload(0x880)), sum))
                sum := add(mul(mload(0xcc4), mload(0x8e0)), add(mul(mload(0xcc3), mload(0x8c0)), sum))
                sum := add(mul(mload(0xcc6), mload(0x920)), add(mul(mload(0xcc5), mload(0x900)), sum))
                sum := add(mul(mload(0xcc8), mload(0x960)), add(mul(mload(0xcc7), mload(0x940)), sum))
                sum := add(mul(mload(0xcca), mload(0x9a0)), add(mul(mload(0xcc9), mload(0x980)), sum))
                sum := add(mul(mload(0xccc), mload(0x9e0)), add(mul(mload(0xccb), mload(0x9c0)), sum))
                sum := add(mul(mload(0xcce), mload(0xa20)), add(mul(mload(0xccd), mload(0xa00)), sum))
                sum := add(mul(mload(0xcd0), mload(0xa60)), add(mul(mload(0xccf), mload(0xa40)), sum))
                sum := add(mul(mload(0xcd2), mload(0xaa0)), add(mul(mload(0xcd1), mload(0xa80)), sum))
                sum := add(mul(mload(0xcd4), mload(0xae0)), add(mul(mload(0xcd3), mload(0xac0)), sum))
                sum := add(mul(mload(0xcd6), mload(0xb20)), add(mul(mload(0xcd5), mload(0xb00)), sum))
                sum := add(mul(mload(0xcd8), mload(0xb60)), add(mul(mload(0xcd7), mload(0xb40)), sum))
                sum := add(mul(mload(0xcda), mload(0xba0)), add(mul(mload(0xcd9), mload(0xb80)), sum))
                sum := add(mul(mload(0xcdc), mload(0xbe0)), add(mul(mload(0xcdb), mload(0xbc0)), sum))
                sum := add(mul(mload(0xcde), mload(0xc20)), add(mul(mload(0xcdd), mload(0xc00)), sum))
                sum := add(mul(mload(0xce0), mload(0xc60)), add(mul(mload(0xcdf), mload(0xc40)), sum))
                mstore(add(sumsAt, 32), sum)
                rowsAt := add(rowsAt, rowLength)
            }
        }
    }

    function addBytes32(uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                mcopy(ROW_AT, rowsAt, 32)
                let sum := mload(sumsAt)
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                sum := add(mul(mload(0x426), mload(0x520)), add(mul(mload(0x425), mload(0x500)), sum))
                sum := add(mul(mload(0x428), mload(0x560)), add(mul(mload(0x427), mload(0x540)), sum))
                sum := add(mul(mload(0x42a), mload(0x5a0)), add(mul(mload(0x429), mload(0x580)), sum))
                sum := add(mul(mload(0x42c), mload(0x5e0)), add(mul(mload(0x42b), mload(0x5c0)), sum))
                sum := add(mul(mload(0x42e), mload(0x620)), add(mul(mload(0x42d), mload(0x600)), sum))
                sum := add(mul(mload(0x430), mload(0x660)), add(mul(mload(0x42f), mload(0x640)), sum))
                sum := add(mul(mload(0x432), mload(0x6a0)), add(mul(mload(0x431), mload(0x680)), sum))
                sum := add(mul(mload(0x434), mload(0x6e0)), add(mul(mload(0x433), mload(0x6c0)), sum))
                sum := add(mul(mload(0x436), mload(0x720)), add(mul(mload(0x435), mload(0x700)), sum))
                sum := add(mul(mload(0x438), mload(0x760)), add(mul(mload(0x437), mload(0x740)), sum))
                sum := add(mul(mload(0x43a), mload(0x7a0)), add(mul(mload(0x439), mload(0x780)), sum))
                sum := add(mul(mload(0x43c), mload(0x7e0)), add(mul(mload(0x43b), mload(0x7c0)), sum))
                sum := add(mul(mload(0x43e), mload(0x820)), add(mul(mload(0x43d), mload(0x800)), sum))
                sum := add(mul(mload(0x440), mload(0x860)), add(mul(mload(0x43f), mload(0x840)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
            }
        }
    }

    function addBytes16(uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                mcopy(ROW_AT, rowsAt, 16)
                let sum := mload(sumsAt)
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                sum := add(mul(mload(0x426), mload(0x520)), add(mul(mload(0x425), mload(0x500)), sum))
                sum := add(mul(mload(0x428), mload(0x560)), add(mul(mload(0x427), mload(0x540)), sum))
                sum := add(mul(mload(0x42a), mload(0x5a0)), add(mul(mload(0x429), mload(0x580)), sum))
                sum := add(mul(mload(0x42c), mload(0x5e0)), add(mul(mload(0x42b), mload(0x5c0)), sum))
                sum := add(mul(mload(0x42e), mload(0x620)), add(mul(mload(0x42d), mload(0x600)), sum))
                sum := add(mul(mload(0x430), mload(0x660)), add(mul(mload(0x42f), mload(0x640)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
            }
        }
    }

    function addBytes8(uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                mcopy(ROW_AT, rowsAt, 8)
                let sum := mload(sumsAt)
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                sum := add(mul(mload(0x426), mload(0x520)), add(mul(mload(0x425), mload(0x500)), sum))
                sum := add(mul(mload(0x428), mload(0x560)), add(mul(mload(0x427), mload(0x540)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
            }
        }
    }

    function addBytes4(uint256 rowsAt, uint256 rowLength, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                mcopy(ROW_AT, rowsAt, 4)
                let sum := mload(sumsAt)
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
            }
        }
    }

    function addLanes23(uint256 wordsAt, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                let word := mload(wordsAt)
                let sum := mload(sumsAt)
                sum := add(mul(word, mload(0x480)), sum)
                sum := add(mul(shr(23, word), mload(0x4a0)), sum)
                sum := add(mul(shr(46, word), mload(0x4c0)), sum)
                sum := add(mul(shr(69, word), mload(0x4e0)), sum)
                sum := add(mul(shr(92, word), mload(0x500)), sum)
                sum := add(mul(shr(115, word), mload(0x520)), sum)
                sum := add(mul(shr(138, word), mload(0x540)), sum)
                sum := add(mul(shr(161, word), mload(0x560)), sum)
                sum := add(mul(shr(184, word), mload(0x580)), sum)
                sum := add(mul(shr(207, word), mload(0x5a0)), sum)
                sum := add(mul(shr(230, word), mload(0x5c0)), sum)
                mstore(sumsAt, sum)
                wordsAt := add(wordsAt, 32)
            }
        }
    }

    function addLanes32(uint256 wordsAt, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                let word := mload(wordsAt)
                let sum := mload(sumsAt)
                sum := add(mul(word, mload(0x480)), sum)
                sum := add(mul(shr(32, word), mload(0x4a0)), sum)
                sum := add(mul(shr(64, word), mload(0x4c0)), sum)
                sum := add(mul(shr(96, word), mload(0x4e0)), sum)
                sum := add(mul(shr(128, word), mload(0x500)), sum)
                sum := add(mul(shr(160, word), mload(0x520)), sum)
                sum := add(mul(shr(192, word), mload(0x540)), sum)
                sum := add(mul(shr(224, word), mload(0x560)), sum)
                mstore(sumsAt, sum)
                wordsAt := add(wordsAt, 32)
            }
        }
    }

    /// @dev `addLanes23` for three blocks of words at once.
    function addThreeLanes23(uint256 wordsAt, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            let length := sub(sumsEnd, sumsAt)
            mstore(0, sumsEnd)
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                let word := mload(wordsAt)
                let sum := mload(sumsAt)
                sum := add(mul(word, mload(0x480)), sum)
                sum := add(mul(shr(23, word), mload(0x4a0)), sum)
                sum := add(mul(shr(46, word), mload(0x4c0)), sum)
                sum := add(mul(shr(69, word), mload(0x4e0)), sum)
                sum := add(mul(shr(92, word), mload(0x500)), sum)
                sum := add(mul(shr(115, word), mload(0x520)), sum)
                sum := add(mul(shr(138, word), mload(0x540)), sum)
                sum := add(mul(shr(161, word), mload(0x560)), sum)
                sum := add(mul(shr(184, word), mload(0x580)), sum)
                sum := add(mul(shr(207, word), mload(0x5a0)), sum)
                sum := add(mul(shr(230, word), mload(0x5c0)), sum)
                word := mload(add(wordsAt, length))
                sum := add(mul(word, mload(0x5e0)), sum)
                sum := add(mul(shr(23, word), mload(0x600)), sum)
                sum := add(mul(shr(46, word), mload(0x620)), sum)
                sum := add(mul(shr(69, word), mload(0x640)), sum)
                sum := add(mul(shr(92, word), mload(0x660)), sum)
                sum := add(mul(shr(115, word), mload(0x680)), sum)
                sum := add(mul(shr(138, word), mload(0x6a0)), sum)
                sum := add(mul(shr(161, word), mload(0x6c0)), sum)
                sum := add(mul(shr(184, word), mload(0x6e0)), sum)
                sum := add(mul(shr(207, word), mload(0x700)), sum)
                sum := add(mul(shr(230, word), mload(0x720)), sum)
                word := mload(add(wordsAt, add(length, length)))
                sum := add(mul(word, mload(0x740)), sum)
                sum := add(mul(shr(23, word), mload(0x760)), sum)
                sum := add(mul(shr(46, word), mload(0x780)), sum)
                sum := add(mul(shr(69, word), mload(0x7a0)), sum)
                sum := add(mul(shr(92, word), mload(0x7c0)), sum)
                sum := add(mul(shr(115, word), mload(0x7e0)), sum)
                sum := add(mul(shr(138, word), mload(0x800)), sum)
                sum := add(mul(shr(161, word), mload(0x820)), sum)
                sum := add(mul(shr(184, word), mload(0x840)), sum)
                sum := add(mul(shr(207, word), mload(0x860)), sum)
                sum := add(mul(shr(230, word), mload(0x880)), sum)
                mstore(sumsAt, sum)
                wordsAt := add(wordsAt, 32)
            }
        }
    }

    /// @notice Repeats the word at `from` over the `length` bytes from `to` on.
    function fill(uint256 to, uint256 from, uint256 length) internal pure {
        assembly ("memory-safe") {
            mcopy(to, from, 32)
            for { let done := 32 } lt(done, length) { done := add(done, done) } {
                let rest := sub(length, done)
                let step := xor(done, mul(xor(done, rest), lt(rest, done)))
                mcopy(add(to, done), to, step)
            }
        }
    }

    /// @notice Puts a chunk of weights in its fixed place.
    function useWeights(uint256 ptr, uint256 count) internal pure {
        assembly ("memory-safe") {
            mcopy(WEIGHTS_AT, ptr, shl(5, count))
        }
    }
}
