// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Metrics} from "../../contracts/libraries/Metrics.sol";
import {ModelHeader} from "../../contracts/libraries/ModelHeader.sol";
import {svm} from "./Svm.sol";

/// @notice Tallies add up in any order, and nothing but a header passes for one.
contract FormatsProof {
    function check_merge_isCommutative(uint256[3] memory a, uint256[3] memory b) external pure {
        _assertEqual(Metrics.merge(_tally(a), _tally(b)), Metrics.merge(_tally(b), _tally(a)));
    }

    function check_merge_isAssociative(uint256[3] memory a, uint256[3] memory b, uint256[3] memory c)
        external
        pure
    {
        uint256[] memory first = Metrics.merge(Metrics.merge(_tally(a), _tally(b)), _tally(c));

        _assertEqual(first, Metrics.merge(_tally(a), Metrics.merge(_tally(b), _tally(c))));
    }

    /// @notice For bytes of several lengths around the header's.
    function check_modelHeader_isReadOrRefused(uint8 kind, uint256 pick) external {
        uint256 length = pick == 0 ? 0 : pick == 1 ? 33 : pick == 2 ? 34 : 66;
        bytes memory model = svm.createBytes(length, "model");
        bool isHeader = length >= 34 && uint8(model[0]) == 1 && uint8(model[1]) == kind;

        (bool done, bytes memory answer) = address(this).staticcall(abi.encodeCall(this.read, (model, kind)));

        assert(done == isHeader);
        if (done) {
            bytes32 parametersHash = abi.decode(answer, (bytes32));
            for (uint256 k = 0; k < 32; ++k) {
                assert(parametersHash[k] == model[2 + k]);
            }
        }
    }

    function read(bytes calldata model, uint256 kind) external pure returns (bytes32) {
        ModelHeader.check(model, kind);
        return ModelHeader.parametersHash(model);
    }

    function _tally(uint256[3] memory words) private pure returns (uint256[] memory tally) {
        tally = new uint256[](3);
        (tally[0], tally[1], tally[2]) = (words[0], words[1], words[2]);
    }

    function _assertEqual(uint256[] memory a, uint256[] memory b) private pure {
        assert(a.length == b.length);
        for (uint256 i = 0; i < a.length; ++i) {
            assert(a[i] == b[i]);
        }
    }
}
