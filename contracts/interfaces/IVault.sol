// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title IVault
/// @notice Holds the one token of a deployment and keeps everybody's balance of it. Every escrow, bond, payment
/// and refund of the protocol is a move between balances in here, so a payment calls nobody and cannot fail
/// because of its receiver.
///
/// I-1: the vault's token balance is never less than the sum of the balances it keeps.
///
/// Warning: the token's balances must change by transfers alone. A token that takes a fee is refused at
/// deposit, and who withdraws pays one on top; one that shrinks balances by itself (a negative rebase) breaks I-1
/// and must not be used. Whoever can block the vault in the token can lock all money.
interface IVault {
    /// @notice Emitted when `account` deposited `amount`.
    event Deposited(address indexed account, uint256 amount);

    /// @notice Emitted when `account` withdrew `amount` to the address `to`.
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice Emitted when `amount` went from one balance to another.
    event Moved(address indexed from, address indexed to, uint256 amount);

    /// @notice Emitted when `account` let `operator` move its balance, or no longer.
    event OperatorSet(address indexed account, address indexed operator, bool approved);

    /// @notice Thrown when `account` has less than the amount that is to leave it.
    error BalanceTooLow(address account, uint256 balance, uint256 amount);

    /// @notice Thrown when `operator` moves the balance of an account that did not approve it.
    error OperatorNotApproved(address account, address operator);

    /// @notice Thrown when the token delivered another amount than was deposited, as one that takes a fee does.
    error DepositMismatch(uint256 requestedAmount, uint256 receivedAmount);

    /// @notice Thrown when a withdrawal is to the vault itself: the tokens would be in nobody's balance.
    error WithdrawalToVault();

    /// @notice The token, fixed for good.
    function token() external view returns (IERC20);

    /// @notice What `account` can withdraw.
    function balanceOf(address account) external view returns (uint256 balance);

    /// @notice Whether `account` lets `operator` move its balance.
    function isOperator(address account, address operator) external view returns (bool approved);

    /// @notice Transfers `amount` of the token from the caller and adds it to the caller's balance.
    function deposit(uint256 amount) external;

    /// @notice `deposit` with an EIP-2612 permit instead of an earlier approval.
    /// @dev A permit that somebody else already submitted is no obstacle: only the allowance counts.
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Takes `amount` off the caller's balance and transfers it to the address `to`. Where the token takes a
    /// fee on top, that is taken off as well.
    function withdraw(uint256 amount, address to) external;

    /// @notice Lets `operator` move the caller's balance, or forbids it again.
    /// @dev Approve contracts only whose code cannot change and moves a balance on its owner's call alone.
    function setOperator(address operator, bool approved) external;

    /// @notice Moves `amount` between two balances; for the owner of the first and its operators.
    function move(address from, address to, uint256 amount) external;
}
