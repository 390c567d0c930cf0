// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IVault} from "./interfaces/IVault.sol";

/// @title Vault
/// @notice See {IVault}.
/// @dev Who calls the token is guarded, because amounts are measured while it runs. `move` calls nobody, and is not.
contract Vault is IVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /* IMMUTABLES */

    /// @inheritdoc IVault
    IERC20 public immutable token;

    /* STORAGE */

    /// @inheritdoc IVault
    mapping(address account => uint256 balance) public balanceOf;

    /// @inheritdoc IVault
    mapping(address account => mapping(address operator => bool approved)) public isOperator;

    /* CONSTRUCTOR */

    constructor(IERC20 token_) {
        token = token_;
    }

    /* DEPOSITOR */

    /// @inheritdoc IVault
    function deposit(uint256 amount) external nonReentrant {
        _deposit(amount);
    }

    /// @inheritdoc IVault
    // slither-disable-next-line reentrancy-benign,reentrancy-events (the deposit itself is measured)
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        // A permit can be taken from the mempool and used first; the allowance it gave is there all the same.
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {}
            catch {}

        _deposit(amount);
    }

    /// @inheritdoc IVault
    function withdraw(uint256 amount, address to) external nonReentrant {
        require(to != address(this), WithdrawalToVault());

        _debit(msg.sender, amount);

        emit Withdrawn(msg.sender, to, amount);

        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransfer(to, amount);
        // INVARIANT: I-1. A fee on top of the amount is the caller's, not everybody's.
        uint256 expected = balanceBefore - amount;
        uint256 balance = token.balanceOf(address(this));
        if (balance < expected) _debit(msg.sender, expected - balance);
    }

    /// @inheritdoc IVault
    function setOperator(address operator, bool approved) external {
        isOperator[msg.sender][operator] = approved;

        emit OperatorSet(msg.sender, operator, approved);
    }

    /* OPERATOR */

    /// @inheritdoc IVault
    function move(address from, address to, uint256 amount) external {
        require(msg.sender == from || isOperator[from][msg.sender], OperatorNotApproved(from, msg.sender));

        _debit(from, amount);
        balanceOf[to] += amount;

        emit Moved(from, to, amount);
    }

    /* INTERNAL */

    /// @dev INVARIANT: I-1. What is credited has arrived before, and nothing else can have arrived in between: a
    /// token that calls back while it takes a fee would have one transfer make up for another.
    function _deposit(uint256 amount) internal {
        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - balanceBefore;
        // slither-disable-next-line incorrect-equality (the measure must be exact)
        require(received == amount, DepositMismatch(amount, received));

        balanceOf[msg.sender] += amount;

        emit Deposited(msg.sender, amount);
    }

    function _debit(address account, uint256 amount) internal {
        uint256 balance = balanceOf[account];
        require(balance >= amount, BalanceTooLow(account, balance, amount));

        unchecked {
            balanceOf[account] = balance - amount;
        }
    }
}
