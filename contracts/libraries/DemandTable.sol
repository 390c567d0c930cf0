// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibPRNG} from "solady/utils/LibPRNG.sol";
import {LibSort} from "solady/utils/LibSort.sol";

import {MAX_EPOCH_CONSUMERS} from "../interfaces/IComputeMarket.sol";
import {Entry} from "./PackedUtility.sol";

/// @notice The demand of a crowd, prepared for many prices: rows of three words, the highest reservation price
/// first, logarithmic consumers from `logAt` to `logEnd`, quadratic ones from `quadAt` to `quadEnd`.
struct Crowd {
    uint256 logAt;
    uint256 logEnd;
    uint256 quadAt;
    uint256 quadEnd;
}

/// @title DemandTable
/// @notice The sum of `Demand` over a crowd, for walks over many prices.
///
/// A row has what does not depend on the price. Demand rounded up is `ceil((n - e p) / q)` with `n = 1e18 a k`,
/// `e = 1e36`, `q = p k` for a logarithmic consumer, and `n = 1e18 a`, `e = 1e18`, `q = b` for a quadratic one. With
/// `n - 1` and `d - 1` in the row it is `1 + min(d - 1, (n - 1 - e p) / q)`, and the ones are added up at once.
///
/// Who finds a price too high finds all higher ones so. Rows are sorted by the price from which on they want nothing,
/// so those without demand are the last ones, and the loop need not ask.
library DemandTable {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant WAD_SQUARED = 1e36;
    uint256 internal constant ROW = 96;

    // A sort key: the kind, the reservation price cut to 97 bits, and the row that it belongs to.
    uint256 private constant QUADRATIC_BIT = 1 << 255;
    uint256 private constant HIGHEST_PRICE = 1 << 96;

    /// @notice Reads the first `count` declarations.
    /// @dev Declarations that want nothing at any price get no row.
    function load(Entry[MAX_EPOCH_CONSUMERS] storage list, uint256 count)
        internal
        view
        returns (Crowd memory crowd)
    {
        unchecked {
            uint256[] memory keys = new uint256[](count);
            uint256 rows = _allocate(count);
            uint256 rowCount;
            for (uint256 i; i < count; ++i) {
                (uint256 value, uint256 shape, uint256 limit, bool isLog) = list[i].utility.parts();
                uint256 worth = isLog ? value * shape : value * WAD;
                if (worth == 0 || limit == 0) continue;
                uint256 reservation = (worth - 1) / WAD + 1;
                if (reservation > HIGHEST_PRICE) reservation = HIGHEST_PRICE;
                keys[rowCount] = (isLog ? 0 : QUADRATIC_BIT) | reservation << 16 | rowCount;
                _write(rows + ROW * rowCount, isLog ? WAD * worth - 1 : worth - 1, shape, limit - 1);
                ++rowCount;
            }
            assembly ("memory-safe") {
                mstore(keys, rowCount)
            }
            crowd = _sorted(keys, rows);
        }
    }

    /// @notice Demand at a price, each consumer's rounded down.
    function sumDown(Crowd memory crowd, uint256 price) internal pure returns (uint256 sum) {
        sum = _sumDown(crowd.logAt, crowd.logEnd, WAD_SQUARED * price, price);
        sum += _sumDown(crowd.quadAt, crowd.quadEnd, WAD * price, 1);
    }

    /// @notice Demand at a price, each consumer's rounded up.
    function sumUp(Crowd memory crowd, uint256 price) internal pure returns (uint256) {
        uint256 logEnd = trim(crowd.logAt, crowd.logEnd, WAD_SQUARED * price);
        uint256 quadEnd = trim(crowd.quadAt, crowd.quadEnd, WAD * price);
        return sumLog(crowd.logAt, logEnd, price) + sumQuadratic(crowd.quadAt, quadEnd, price);
    }

    /// @notice The same, and forgets the consumers that want nothing at this price: for prices that only rise.
    function sumUpRising(Crowd memory crowd, uint256 price) internal pure returns (uint256) {
        crowd.logEnd = trim(crowd.logAt, crowd.logEnd, WAD_SQUARED * price);
        crowd.quadEnd = trim(crowd.quadAt, crowd.quadEnd, WAD * price);
        return sumLog(crowd.logAt, crowd.logEnd, price) + sumQuadratic(crowd.quadAt, crowd.quadEnd, price);
    }

    /// @notice The end of the rows that want something where `charge` is `e p`.
    function trim(uint256 row, uint256 end, uint256 charge) internal pure returns (uint256) {
        assembly ("memory-safe") {
            for {} gt(end, row) { end := sub(end, 96) } {
                if iszero(lt(mload(sub(end, 96)), charge)) { break }
            }
        }
        return end;
    }

    /// @notice Sums rows of logarithmic consumers that all want something.
    function sumLog(uint256 row, uint256 end, uint256 price) internal pure returns (uint256 sum) {
        assembly ("memory-safe") {
            let charge := mul(1000000000000000000000000000000000000, price)
            sum := div(sub(end, row), 96)
            // Four rows at a time, as long as there are four.
            for { let last := sub(end, 288) } slt(row, last) { row := add(row, 384) } {
                let x := div(sub(mload(row), charge), mul(price, mload(add(row, 32))))
                let d := mload(add(row, 64))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 96)), charge), mul(price, mload(add(row, 128))))
                d := mload(add(row, 160))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 192)), charge), mul(price, mload(add(row, 224))))
                d := mload(add(row, 256))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 288)), charge), mul(price, mload(add(row, 320))))
                d := mload(add(row, 352))
                if lt(d, x) { x := d }
                sum := add(sum, x)
            }
            for {} lt(row, end) { row := add(row, 96) } {
                let x := div(sub(mload(row), charge), mul(price, mload(add(row, 32))))
                let d := mload(add(row, 64))
                if lt(d, x) { x := d }
                sum := add(sum, x)
            }
        }
    }

    /// @notice Sums rows of quadratic consumers that all want something.
    function sumQuadratic(uint256 row, uint256 end, uint256 price) internal pure returns (uint256 sum) {
        assembly ("memory-safe") {
            let charge := mul(1000000000000000000, price)
            sum := div(sub(end, row), 96)
            for { let last := sub(end, 288) } slt(row, last) { row := add(row, 384) } {
                let x := div(sub(mload(row), charge), mload(add(row, 32)))
                let d := mload(add(row, 64))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 96)), charge), mload(add(row, 128)))
                d := mload(add(row, 160))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 192)), charge), mload(add(row, 224)))
                d := mload(add(row, 256))
                if lt(d, x) { x := d }
                sum := add(sum, x)
                x := div(sub(mload(add(row, 288)), charge), mload(add(row, 320)))
                d := mload(add(row, 352))
                if lt(d, x) { x := d }
                sum := add(sum, x)
            }
            for {} lt(row, end) { row := add(row, 96) } {
                let x := div(sub(mload(row), charge), mload(add(row, 32)))
                let d := mload(add(row, 64))
                if lt(d, x) { x := d }
                sum := add(sum, x)
            }
        }
    }

    /// @dev Copies the rows into the order of their keys, the highest reservation price first.
    function _sorted(uint256[] memory keys, uint256 rows) private pure returns (Crowd memory crowd) {
        unchecked {
            _shuffle(keys);
            LibSort.sort(keys);
            uint256 to = _allocate(keys.length);
            (crowd.quadAt, crowd.quadEnd) = (to, to);
            for (uint256 i = keys.length; i > 0; --i) {
                uint256 key = keys[i - 1];
                _copy(to, rows + ROW * (key & 0xffff));
                to += ROW;
                if (key >= QUADRATIC_BIT) crowd.quadEnd = to;
            }
            (crowd.logAt, crowd.logEnd) = (crowd.quadEnd, to);
        }
    }

    /// @dev Who declares chooses its key and its place, and a quicksort has orders in which it recurses until the stack is
    /// full (McIlroy, "A Killer Adversary for Quicksort", 1999). The seed is a hash of all keys in their order, so whoever
    /// chooses one of them for an order has chosen another order.
    function _shuffle(uint256[] memory keys) private pure {
        uint256 seed;
        assembly ("memory-safe") {
            seed := keccak256(add(keys, 32), shl(5, mload(keys)))
        }
        LibPRNG.shuffle(LibPRNG.PRNG(seed), keys);
    }

    /// @dev The denominator is the row's second word times `factor`: the price, or 1.
    function _sumDown(uint256 row, uint256 end, uint256 charge, uint256 factor)
        private
        pure
        returns (uint256 sum)
    {
        assembly ("memory-safe") {
            for {} lt(row, end) { row := add(row, 96) } {
                let head := add(mload(row), 1)
                if iszero(gt(head, charge)) { break }
                let x := div(sub(head, charge), mul(factor, mload(add(row, 32))))
                let d := add(mload(add(row, 64)), 1)
                if lt(d, x) { x := d }
                sum := add(sum, x)
            }
        }
    }

    function _allocate(uint256 count) private pure returns (uint256 row) {
        assembly ("memory-safe") {
            row := mload(0x40)
            mstore(0x40, add(row, mul(96, count)))
        }
    }

    function _write(uint256 row, uint256 first, uint256 second, uint256 third) private pure {
        assembly ("memory-safe") {
            mstore(row, first)
            mstore(add(row, 32), second)
            mstore(add(row, 64), third)
        }
    }

    function _copy(uint256 to, uint256 from) private pure {
        assembly ("memory-safe") {
            mcopy(to, from, 96)
        }
    }
}
