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
    uint256 internal constant ROW_AT = 0x640;
    uint256 internal constant WEIGHTS_AT = 0x680;
    uint256 private constant SECOND_ROW_AT = 0xec0;
    uint256 private constant RESERVED_FROM = 0x600;
    uint256 private constant RESERVED_TO = 0xf00;

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
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                sum := add(mul(mload(0x626), mload(0x720)), add(mul(mload(0x625), mload(0x700)), sum))
                sum := add(mul(mload(0x628), mload(0x760)), add(mul(mload(0x627), mload(0x740)), sum))
                sum := add(mul(mload(0x62a), mload(0x7a0)), add(mul(mload(0x629), mload(0x780)), sum))
                sum := add(mul(mload(0x62c), mload(0x7e0)), add(mul(mload(0x62b), mload(0x7c0)), sum))
                sum := add(mul(mload(0x62e), mload(0x820)), add(mul(mload(0x62d), mload(0x800)), sum))
                sum := add(mul(mload(0x630), mload(0x860)), add(mul(mload(0x62f), mload(0x840)), sum))
                sum := add(mul(mload(0x632), mload(0x8a0)), add(mul(mload(0x631), mload(0x880)), sum))
                sum := add(mul(mload(0x634), mload(0x8e0)), add(mul(mload(0x633), mload(0x8c0)), sum))
                sum := add(mul(mload(0x636), mload(0x920)), add(mul(mload(0x635), mload(0x900)), sum))
                sum := add(mul(mload(0x638), mload(0x960)), add(mul(mload(0x637), mload(0x940)), sum))
                sum := add(mul(mload(0x63a), mload(0x9a0)), add(mul(mload(0x639), mload(0x980)), sum))
                sum := add(mul(mload(0x63c), mload(0x9e0)), add(mul(mload(0x63b), mload(0x9c0)), sum))
                sum := add(mul(mload(0x63e), mload(0xa20)), add(mul(mload(0x63d), mload(0xa00)), sum))
                sum := add(mul(mload(0x640), mload(0xa60)), add(mul(mload(0x63f), mload(0xa40)), sum))
                sum := add(mul(mload(0x642), mload(0xaa0)), add(mul(mload(0x641), mload(0xa80)), sum))
                sum := add(mul(mload(0x644), mload(0xae0)), add(mul(mload(0x643), mload(0xac0)), sum))
                sum := add(mul(mload(0x646), mload(0xb20)), add(mul(mload(0x645), mload(0xb00)), sum))
                sum := add(mul(mload(0x648), mload(0xb60)), add(mul(mload(0x647), mload(0xb40)), sum))
                sum := add(mul(mload(0x64a), mload(0xba0)), add(mul(mload(0x649), mload(0xb80)), sum))
                sum := add(mul(mload(0x64c), mload(0xbe0)), add(mul(mload(0x64b), mload(0xbc0)), sum))
                sum := add(mul(mload(0x64e), mload(0xc20)), add(mul(mload(0x64d), mload(0xc00)), sum))
                sum := add(mul(mload(0x650), mload(0xc60)), add(mul(mload(0x64f), mload(0xc40)), sum))
                sum := add(mul(mload(0x652), mload(0xca0)), add(mul(mload(0x651), mload(0xc80)), sum))
                sum := add(mul(mload(0x654), mload(0xce0)), add(mul(mload(0x653), mload(0xcc0)), sum))
                sum := add(mul(mload(0x656), mload(0xd20)), add(mul(mload(0x655), mload(0xd00)), sum))
                sum := add(mul(mload(0x658), mload(0xd60)), add(mul(mload(0x657), mload(0xd40)), sum))
                sum := add(mul(mload(0x65a), mload(0xda0)), add(mul(mload(0x659), mload(0xd80)), sum))
                sum := add(mul(mload(0x65c), mload(0xde0)), add(mul(mload(0x65b), mload(0xdc0)), sum))
                sum := add(mul(mload(0x65e), mload(0xe20)), add(mul(mload(0x65d), mload(0xe00)), sum))
                sum := add(mul(mload(0x660), mload(0xe60)), add(mul(mload(0x65f), mload(0xe40)), sum))
                mstore(sumsAt, sum)
                rowsAt := add(rowsAt, rowLength)
                mcopy(SECOND_ROW_AT, rowsAt, 64)
                sum := mload(add(sumsAt, 32))
                sum := add(mul(mload(0xea2), mload(0x6a0)), add(mul(mload(0xea1), mload(0x680)), sum))
                sum := add(mul(mload(0xea4), mload(0x6e0)), add(mul(mload(0xea3), mload(0x6c0)), sum))
                sum := add(mul(mload(0xea6), mload(0x720)), add(mul(mload(0xea5), mload(0x700)), sum))
                sum := add(mul(mload(0xea8), mload(0x760)), add(mul(mload(0xea7), mload(0x740)), sum))
                sum := add(mul(mload(0xeaa), mload(0x7a0)), add(mul(mload(0xea9), mload(0x780)), sum))
                sum := add(mul(mload(0xeac), mload(0x7e0)), add(mul(mload(0xeab), mload(0x7c0)), sum))
                sum := add(mul(mload(0xeae), mload(0x820)), add(mul(mload(0xead), mload(0x800)), sum))
                sum := add(mul(mload(0xeb0), mload(0x860)), add(mul(mload(0xeaf), mload(0x840)), sum))
                sum := add(mul(mload(0xeb2), mload(0x8a0)), add(mul(mload(0xeb1), mload(0x880)), sum))
                sum := add(mul(mload(0xeb4), mload(0x8e0)), add(mul(mload(0xeb3), mload(0x8c0)), sum))
                sum := add(mul(mload(0xeb6), mload(0x920)), add(mul(mload(0xeb5), mload(0x900)), sum))
                sum := add(mul(mload(0xeb8), mload(0x960)), add(mul(mload(0xeb7), mload(0x940)), sum))
                sum := add(mul(mload(0xeba), mload(0x9a0)), add(mul(mload(0xeb9), mload(0x980)), sum))
                sum := add(mul(mload(0xebc), mload(0x9e0)), add(mul(mload(0xebb), mload(0x9c0)), sum))
                sum := add(mul(mload(0xebe), mload(0xa20)), add(mul(mload(0xebd), mload(0xa00)), sum))
                sum := add(mul(mload(0xec0), mload(0xa60)), add(mul(mload(0xebf), mload(0xa40)), sum))
                sum := add(mul(mload(0xec2), mload(0xaa0)), add(mul(mload(0xec1), mload(0xa80)), sum))
                sum := add(mul(mload(0xec4), mload(0xae0)), add(mul(mload(0xec3), mload(0xac0)), sum))
                sum := add(mul(mload(0xec6), mload(0xb20)), add(mul(mload(0xec5), mload(0xb00)), sum))
                sum := add(mul(mload(0xec8), mload(0xb60)), add(mul(mload(0xec7), mload(0xb40)), sum))
                sum := add(mul(mload(0xeca), mload(0xba0)), add(mul(mload(0xec9), mload(0xb80)), sum))
                sum := add(mul(mload(0xecc), mload(0xbe0)), add(mul(mload(0xecb), mload(0xbc0)), sum))
                sum := add(mul(mload(0xece), mload(0xc20)), add(mul(mload(0xecd), mload(0xc00)), sum))
                sum := add(mul(mload(0xed0), mload(0xc60)), add(mul(mload(0xecf), mload(0xc40)), sum))
                sum := add(mul(mload(0xed2), mload(0xca0)), add(mul(mload(0xed1), mload(0xc80)), sum))
                sum := add(mul(mload(0xed4), mload(0xce0)), add(mul(mload(0xed3), mload(0xcc0)), sum))
                sum := add(mul(mload(0xed6), mload(0xd20)), add(mul(mload(0xed5), mload(0xd00)), sum))
                sum := add(mul(mload(0xed8), mload(0xd60)), add(mul(mload(0xed7), mload(0xd40)), sum))
                sum := add(mul(mload(0xeda), mload(0xda0)), add(mul(mload(0xed9), mload(0xd80)), sum))
                sum := add(mul(mload(0xedc), mload(0xde0)), add(mul(mload(0xedb), mload(0xdc0)), sum))
                sum := add(mul(mload(0xede), mload(0xe20)), add(mul(mload(0xedd), mload(0xe00)), sum))
                sum := add(mul(mload(0xee0), mload(0xe60)), add(mul(mload(0xedf), mload(0xe40)), sum))
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
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                sum := add(mul(mload(0x626), mload(0x720)), add(mul(mload(0x625), mload(0x700)), sum))
                sum := add(mul(mload(0x628), mload(0x760)), add(mul(mload(0x627), mload(0x740)), sum))
                sum := add(mul(mload(0x62a), mload(0x7a0)), add(mul(mload(0x629), mload(0x780)), sum))
                sum := add(mul(mload(0x62c), mload(0x7e0)), add(mul(mload(0x62b), mload(0x7c0)), sum))
                sum := add(mul(mload(0x62e), mload(0x820)), add(mul(mload(0x62d), mload(0x800)), sum))
                sum := add(mul(mload(0x630), mload(0x860)), add(mul(mload(0x62f), mload(0x840)), sum))
                sum := add(mul(mload(0x632), mload(0x8a0)), add(mul(mload(0x631), mload(0x880)), sum))
                sum := add(mul(mload(0x634), mload(0x8e0)), add(mul(mload(0x633), mload(0x8c0)), sum))
                sum := add(mul(mload(0x636), mload(0x920)), add(mul(mload(0x635), mload(0x900)), sum))
                sum := add(mul(mload(0x638), mload(0x960)), add(mul(mload(0x637), mload(0x940)), sum))
                sum := add(mul(mload(0x63a), mload(0x9a0)), add(mul(mload(0x639), mload(0x980)), sum))
                sum := add(mul(mload(0x63c), mload(0x9e0)), add(mul(mload(0x63b), mload(0x9c0)), sum))
                sum := add(mul(mload(0x63e), mload(0xa20)), add(mul(mload(0x63d), mload(0xa00)), sum))
                sum := add(mul(mload(0x640), mload(0xa60)), add(mul(mload(0x63f), mload(0xa40)), sum))
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
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                sum := add(mul(mload(0x626), mload(0x720)), add(mul(mload(0x625), mload(0x700)), sum))
                sum := add(mul(mload(0x628), mload(0x760)), add(mul(mload(0x627), mload(0x740)), sum))
                sum := add(mul(mload(0x62a), mload(0x7a0)), add(mul(mload(0x629), mload(0x780)), sum))
                sum := add(mul(mload(0x62c), mload(0x7e0)), add(mul(mload(0x62b), mload(0x7c0)), sum))
                sum := add(mul(mload(0x62e), mload(0x820)), add(mul(mload(0x62d), mload(0x800)), sum))
                sum := add(mul(mload(0x630), mload(0x860)), add(mul(mload(0x62f), mload(0x840)), sum))
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
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                sum := add(mul(mload(0x626), mload(0x720)), add(mul(mload(0x625), mload(0x700)), sum))
                sum := add(mul(mload(0x628), mload(0x760)), add(mul(mload(0x627), mload(0x740)), sum))
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
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
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
                sum := add(mul(word, mload(0x680)), sum)
                sum := add(mul(shr(23, word), mload(0x6a0)), sum)
                sum := add(mul(shr(46, word), mload(0x6c0)), sum)
                sum := add(mul(shr(69, word), mload(0x6e0)), sum)
                sum := add(mul(shr(92, word), mload(0x700)), sum)
                sum := add(mul(shr(115, word), mload(0x720)), sum)
                sum := add(mul(shr(138, word), mload(0x740)), sum)
                sum := add(mul(shr(161, word), mload(0x760)), sum)
                sum := add(mul(shr(184, word), mload(0x780)), sum)
                sum := add(mul(shr(207, word), mload(0x7a0)), sum)
                sum := add(mul(shr(230, word), mload(0x7c0)), sum)
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
                sum := add(mul(word, mload(0x680)), sum)
                sum := add(mul(shr(32, word), mload(0x6a0)), sum)
                sum := add(mul(shr(64, word), mload(0x6c0)), sum)
                sum := add(mul(shr(96, word), mload(0x6e0)), sum)
                sum := add(mul(shr(128, word), mload(0x700)), sum)
                sum := add(mul(shr(160, word), mload(0x720)), sum)
                sum := add(mul(shr(192, word), mload(0x740)), sum)
                sum := add(mul(shr(224, word), mload(0x760)), sum)
                mstore(sumsAt, sum)
                wordsAt := add(wordsAt, 32)
            }
        }
    }

    /// @dev `addLanes23` for three blocks of words at once.
    function addThreeLanes23(uint256 wordsAt, uint256 sumsAt, uint256 sumsEnd) private pure {
        assembly ("memory-safe") {
            mstore(0, sumsEnd)
            mstore(32, sub(sumsEnd, sumsAt))
            for {} lt(sumsAt, mload(0)) { sumsAt := add(sumsAt, 32) } {
                let word := mload(wordsAt)
                let sum := mload(sumsAt)
                sum := add(mul(word, mload(0x680)), sum)
                sum := add(mul(shr(23, word), mload(0x6a0)), sum)
                sum := add(mul(shr(46, word), mload(0x6c0)), sum)
                sum := add(mul(shr(69, word), mload(0x6e0)), sum)
                sum := add(mul(shr(92, word), mload(0x700)), sum)
                sum := add(mul(shr(115, word), mload(0x720)), sum)
                sum := add(mul(shr(138, word), mload(0x740)), sum)
                sum := add(mul(shr(161, word), mload(0x760)), sum)
                sum := add(mul(shr(184, word), mload(0x780)), sum)
                sum := add(mul(shr(207, word), mload(0x7a0)), sum)
                sum := add(mul(shr(230, word), mload(0x7c0)), sum)
                word := mload(add(wordsAt, mload(32)))
                sum := add(mul(word, mload(0x7e0)), sum)
                sum := add(mul(shr(23, word), mload(0x800)), sum)
                sum := add(mul(shr(46, word), mload(0x820)), sum)
                sum := add(mul(shr(69, word), mload(0x840)), sum)
                sum := add(mul(shr(92, word), mload(0x860)), sum)
                sum := add(mul(shr(115, word), mload(0x880)), sum)
                sum := add(mul(shr(138, word), mload(0x8a0)), sum)
                sum := add(mul(shr(161, word), mload(0x8c0)), sum)
                sum := add(mul(shr(184, word), mload(0x8e0)), sum)
                sum := add(mul(shr(207, word), mload(0x900)), sum)
                sum := add(mul(shr(230, word), mload(0x920)), sum)
                word := mload(add(wordsAt, shl(1, mload(32))))
                sum := add(mul(word, mload(0x940)), sum)
                sum := add(mul(shr(23, word), mload(0x960)), sum)
                sum := add(mul(shr(46, word), mload(0x980)), sum)
                sum := add(mul(shr(69, word), mload(0x9a0)), sum)
                sum := add(mul(shr(92, word), mload(0x9c0)), sum)
                sum := add(mul(shr(115, word), mload(0x9e0)), sum)
                sum := add(mul(shr(138, word), mload(0xa00)), sum)
                sum := add(mul(shr(161, word), mload(0xa20)), sum)
                sum := add(mul(shr(184, word), mload(0xa40)), sum)
                sum := add(mul(shr(207, word), mload(0xa60)), sum)
                sum := add(mul(shr(230, word), mload(0xa80)), sum)
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
