// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {Vault} from "../../contracts/Vault.sol";

/// @notice A token that keeps one part in a hundred of each transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount / 100;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// @notice A token that answers transfers with false once it is told to, and moves nothing.
contract FalseToken is ERC20("False", "FALSE") {
    bool public refuses;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function refuse() external {
        refuses = true;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transferFrom(from, to, amount);
    }
}

/// @notice A token that calls a receiver back in the middle of `transferFrom`, as ERC-777 tokens do.
contract CallbackToken is ERC20("Callback", "BACK") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from.code.length != 0) Reenterer(from).onTransfer();
        return super.transferFrom(from, to, amount);
    }
}

/// @notice Deposits again while its deposit is being transferred.
contract Reenterer {
    Vault public immutable vault;
    uint256 public depth;

    constructor(Vault vault_) {
        vault = vault_;
        vault_.token().approve(address(vault_), type(uint256).max);
    }

    function attack(uint256 amount) external {
        depth = 1;
        vault.deposit(amount);
    }

    function onTransfer() external {
        if (depth == 1) {
            depth = 2;
            vault.deposit(1);
        }
    }
}
