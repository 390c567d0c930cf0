// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Declaration, IComputeMarket, Utility} from "../interfaces/IComputeMarket.sol";

/// @notice A declared utility in one word, so that a walk reads one word for each consumer: value, shape and limit of
/// 85 bits each from the lowest on, and whether it is quadratic in the highest bit.
type PackedUtility is uint256;

/// @notice A declaration as it is stored.
struct Entry {
    PackedUtility utility;
    address consumer;
    bool closed;
}

using PackedUtilityLib for PackedUtility global;

/// @title PackedUtilityLib
/// @notice Packs and unpacks declared utilities.
library PackedUtilityLib {
    uint256 internal constant BITS = 85;
    uint256 internal constant LARGEST = (1 << BITS) - 1;

    /// @notice Packs a utility after checking that it fits: up to 38 million whole units or coins.
    function pack(Declaration memory d) internal pure returns (PackedUtility) {
        require(d.value <= LARGEST, IComputeMarket.NumberTooLarge(d.value, LARGEST));
        require(d.shape <= LARGEST, IComputeMarket.NumberTooLarge(d.shape, LARGEST));
        require(d.limit <= LARGEST, IComputeMarket.NumberTooLarge(d.limit, LARGEST));

        uint256 kind = uint256(d.utility) << (3 * BITS);
        return PackedUtility.wrap(
            kind | uint256(d.limit) << (2 * BITS) | uint256(d.shape) << BITS | uint256(d.value)
        );
    }

    /// @notice The parts of a packed utility.
    function parts(PackedUtility packed)
        internal
        pure
        returns (uint256 value, uint256 shape, uint256 limit, bool isLog)
    {
        uint256 word = PackedUtility.unwrap(packed);
        return (word & LARGEST, word >> BITS & LARGEST, word >> (2 * BITS) & LARGEST, word >> (3 * BITS) == 0);
    }

    /// @notice The declaration that an entry stands for.
    function read(Entry storage entry) internal view returns (Declaration memory d) {
        (uint256 value, uint256 shape, uint256 limit, bool isLog) = parts(entry.utility);
        Utility utility = isLog ? Utility.LOG : Utility.QUADRATIC;
        return Declaration(uint96(value), uint96(shape), utility, entry.closed, entry.consumer, uint96(limit));
    }
}
