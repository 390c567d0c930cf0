// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A call, and how it went.
struct Act {
    address target;
    bytes data;
}

struct Outcome {
    bool done;
    bytes answer;
}

/// @title Puppet
/// @notice An account that does what it is told, and what it was told to do while a token calls it.
contract Puppet {
    Act[] internal _plan;
    Outcome[] internal _outcomes;
    uint256 internal _callsToSkip;

    /// @notice Does it now; reverts as it does.
    function act(address target, bytes calldata data) external {
        (bool done, bytes memory answer) = target.call(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @notice Does this when a token calls, once, after it let pass so many calls.
    function plan(Act[] calldata acts, uint256 callsToSkip) external {
        for (uint256 i; i < acts.length; ++i) {
            _plan.push(acts[i]);
        }
        _callsToSkip = callsToSkip;
    }

    /// @notice What a token calls.
    function onTransfer() external {
        if (_callsToSkip != 0) {
            --_callsToSkip;
            return;
        }
        Act[] memory acts = _plan;
        delete _plan;
        for (uint256 i; i < acts.length; ++i) {
            (bool done, bytes memory answer) = acts[i].target.call(acts[i].data);
            _outcomes.push(Outcome(done, answer));
        }
    }

    /// @notice How the planned acts went, in their order.
    function outcomes() external view returns (Outcome[] memory) {
        return _outcomes;
    }
}
