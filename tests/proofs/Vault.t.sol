// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Vault} from "../../contracts/Vault.sol";
import {vm} from "../forge/Vm.sol";
import {svm} from "./Svm.sol";

/// @notice Any token whose balances change by transfers alone: what `transferFrom` moves, what transfers answer and
/// whether a permit is taken is for the solver to choose. What leaves the vault is what the vault said: a fee on top is
/// tested (`tests/attacks/test_hostile_tokens.py`), for no solver here got to an end with it.
contract AnyToken {
    mapping(address account => uint256 balance) public balanceOf;

    function transferFrom(address from, address to, uint256) external returns (bool) {
        _move(from, to, svm.createUint256("moved"));
        return svm.createBool("answer");
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return svm.createBool("answer");
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        require(svm.createBool("permitted"));
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice I-1 by induction over calls: a new vault owes nothing, and one call of anybody, whatever the state of vault
/// and token, changes the tokens held by exactly what it changes the sum of the balances by. `other` stands for every
/// account that a check does not name: its balance stays what it was.
contract VaultProof {
    AnyToken internal _token;
    Vault internal _vault;

    function setUp() public {
        _token = new AnyToken();
        _vault = new Vault(IERC20(address(_token)));
    }

    function check_newVault_owesNobody(address account) external view {
        assert(_vault.balanceOf(account) == 0);
    }

    function check_deposit_addsToTheSenderWhatWasReceived(address sender, uint256 amount, address other)
        external
    {
        _checkDeposit(sender, abi.encodeCall(Vault.deposit, (amount)), amount, other);
    }

    function check_depositWithPermit_addsToTheSenderWhatWasReceived(
        address sender,
        uint256 amount,
        address other
    ) external {
        bytes memory data = abi.encodeCall(Vault.depositWithPermit, (amount, 0, 0, 0, 0));
        _checkDeposit(sender, data, amount, other);
    }

    function check_withdraw_takesOffTheSenderWhatWasSent(
        address sender,
        address to,
        uint256 amount,
        address other
    ) external {
        _setAnyState();
        vm.assume(other != sender && to != address(_vault));
        (uint256 own, uint256 others, uint256 held) = _balances(sender, other);

        vm.prank(sender);
        _vault.withdraw(amount, to);

        (uint256 ownAfter, uint256 othersAfter, uint256 heldAfter) = _balances(sender, other);
        assert(amount <= own && ownAfter == own - amount);
        assert(amount <= held && heldAfter == held - amount);
        assert(othersAfter == others);
    }

    function check_move_changesNoSum(address sender, address from, address to, uint256 amount, address other)
        external
    {
        _setAnyState();
        vm.assume(other != from && other != to);
        bool isAllowed = sender == from || _vault.isOperator(from, sender);
        (uint256 own, uint256 others, uint256 held) = _balances(from, other);
        uint256 target = _vault.balanceOf(to);

        vm.prank(sender);
        _vault.move(from, to, amount);

        (uint256 ownAfter, uint256 othersAfter, uint256 heldAfter) = _balances(from, other);
        assert(isAllowed && amount <= own);
        assert(ownAfter == (from == to ? own : own - amount));
        unchecked {
            assert(_vault.balanceOf(to) == (from == to ? own : target + amount));
        }
        assert(_vault.balanceOf(to) >= target);
        assert(othersAfter == others && heldAfter == held);
    }

    function check_setOperator_changesOneApprovalAndNoBalance(
        address sender,
        address operator,
        bool approved,
        address account,
        address other
    ) external {
        _setAnyState();
        bool approvedBefore = _vault.isOperator(account, other);
        (uint256 own, uint256 others, uint256 held) = _balances(account, other);

        vm.prank(sender);
        _vault.setOperator(operator, approved);

        (uint256 ownAfter, uint256 othersAfter, uint256 heldAfter) = _balances(account, other);
        assert(ownAfter == own && othersAfter == others && heldAfter == held);
        bool isThisOne = account == sender && other == operator;
        assert(_vault.isOperator(account, other) == (isThisOne ? approved : approvedBefore));
    }

    /// @notice Of all functions there are, with any arguments.
    function check_anyCall_takesFromNobodyWhoDidNotApprove(address sender, address other) external {
        _setAnyState();
        vm.assume(sender != other && !_vault.isOperator(other, sender));
        uint256 balanceBefore = _vault.balanceOf(other);

        _callAnything(sender, svm.createCalldata("Vault"));

        assert(_vault.balanceOf(other) >= balanceBefore);
        assert(!_vault.isOperator(other, sender));
    }

    /// @notice No balance changes but by the four functions that the checks above are of.
    function check_anyOtherCall_changesNoBalance(address sender, address account) external {
        _setAnyState();
        uint256 balanceBefore = _vault.balanceOf(account);
        bytes memory data = svm.createCalldata("Vault");
        bytes4 called = bytes4(data);
        vm.assume(called != Vault.move.selector && called != Vault.deposit.selector);
        vm.assume(called != Vault.depositWithPermit.selector && called != Vault.withdraw.selector);

        _callAnything(sender, data);

        assert(_vault.balanceOf(account) == balanceBefore);
    }

    function _callAnything(address sender, bytes memory data) private {
        vm.prank(sender);
        (bool done,) = address(_vault).call(data);
        vm.assume(done);
    }

    function _checkDeposit(address sender, bytes memory data, uint256 amount, address other) private {
        _setAnyState();
        vm.assume(other != sender);
        (uint256 own, uint256 others, uint256 held) = _balances(sender, other);

        vm.prank(sender);
        (bool done,) = address(_vault).call(data);
        vm.assume(done);

        (uint256 ownAfter, uint256 othersAfter, uint256 heldAfter) = _balances(sender, other);
        unchecked {
            assert(ownAfter == own + amount && ownAfter >= own);
            assert(heldAfter == held + amount && heldAfter >= held);
        }
        assert(othersAfter == others);
    }

    function _setAnyState() private {
        svm.enableSymbolicStorage(address(_token));
        svm.enableSymbolicStorage(address(_vault));
    }

    function _balances(address account, address other)
        private
        view
        returns (uint256 own, uint256 others, uint256 held)
    {
        return (_vault.balanceOf(account), _vault.balanceOf(other), _token.balanceOf(address(_vault)));
    }
}
