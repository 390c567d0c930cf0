// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a walk asks of the one who acts.
interface IHandler {
    /// @notice How often an outcome was met.
    function count(string calldata outcome) external view returns (uint256 times);

    /// @notice What the handler saw that must not be; empty while all is well.
    function broken() external view returns (string memory what);
}

/// @notice What the invariants' walks are made of, drawn alike: a check that is never met checks nothing.
abstract contract RandomWalks {
    uint256 private constant WALKS = 4;
    uint256 private constant ACTS = 500;

    IHandler[] private walked;

    function _newHandler() internal virtual returns (IHandler handler);

    /// @dev An act that any number draws; an act that is to come more often is named more often.
    function _act(uint256 drawn) internal pure virtual returns (bytes4 selector);

    /// @dev Every act gets five arguments; those that it does not take are left unread.
    function _walk() internal {
        for (uint256 seed; seed < WALKS; ++seed) {
            IHandler handler = _newHandler();
            for (uint256 i; i < ACTS; ++i) {
                bytes32 drawn = keccak256(abi.encode(seed, i));
                bytes memory call = abi.encodeWithSelector(
                    _act(uint256(drawn)),
                    keccak256(abi.encode(drawn, 0)),
                    keccak256(abi.encode(drawn, 1)),
                    keccak256(abi.encode(drawn, 2)),
                    keccak256(abi.encode(drawn, 3)),
                    keccak256(abi.encode(drawn, 4))
                );
                (bool done,) = address(handler).call(call);
                require(done, "an act failed");
            }
            require(bytes(handler.broken()).length == 0, handler.broken());
            walked.push(handler);
        }
    }

    function _requireMet(string memory outcome, uint256 least) internal view {
        uint256 met;
        for (uint256 i; i < walked.length; ++i) {
            met += walked[i].count(outcome);
        }
        require(met >= least, outcome);
    }
}
