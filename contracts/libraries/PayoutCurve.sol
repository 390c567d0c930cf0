// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How a reward is shared among the best models: up to twelve shares in bps, 16 bits each, the best
/// model's lowest. Shares are positive, never rise with the rank, and sum to 10,000.
type PayoutCurve is uint192;

using PayoutCurveLib for PayoutCurve global;

/// @title PayoutCurveLib
/// @notice Packs, checks and reads payout curves.
library PayoutCurveLib {
    uint256 internal constant MAX_WINNERS = 12;
    uint256 internal constant BPS = 10_000;

    /// @notice Thrown where shares are none, too many, zero, rising with the rank, or not 10,000 in sum.
    error InvalidPayoutCurve(uint16[] payoutBps);

    /// @notice Packs a curve after checking it.
    function pack(uint16[] calldata payoutBps) internal pure returns (PayoutCurve) {
        require(payoutBps.length <= MAX_WINNERS, InvalidPayoutCurve(payoutBps));

        uint256 packed;
        uint256 sum;
        uint256 previous = BPS;
        for (uint256 rank; rank < payoutBps.length; ++rank) {
            uint256 share = payoutBps[rank];
            require(share > 0 && share <= previous, InvalidPayoutCurve(payoutBps));
            packed |= share << (16 * rank);
            sum += share;
            previous = share;
        }
        require(sum == BPS, InvalidPayoutCurve(payoutBps));
        return PayoutCurve.wrap(uint192(packed));
    }

    /// @notice What the model of `rank` (0 is best) gets of `reward`, rounded down; 0 past the last winner.
    function payout(PayoutCurve curve, uint256 rank, uint256 reward) internal pure returns (uint256) {
        return (reward * curve.shareBps(rank)) / BPS;
    }

    /// @notice The share of `rank` in bps; 0 past the last winner.
    function shareBps(PayoutCurve curve, uint256 rank) internal pure returns (uint256) {
        return (PayoutCurve.unwrap(curve) >> (16 * rank)) & 0xffff;
    }

    /// @notice How many models a curve pays.
    function winners(PayoutCurve curve) internal pure returns (uint256 count) {
        for (uint256 rest = PayoutCurve.unwrap(curve); rest != 0; rest >>= 16) {
            ++count;
        }
    }
}
