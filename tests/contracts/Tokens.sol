// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "../../contracts/dev/TestToken.sol";

import {Puppet} from "./Puppet.sol";

/// @notice Keeps one part in a hundred of each transfer.
contract FeeToken is TestToken {
    function _update(address from, address to, uint256 amount) internal virtual override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount / 100;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// @notice Charges the sender one part in a hundred on top of what it sends.
contract FeeOnTopToken is TestToken {
    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount / 100;
        super._update(from, to, amount);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// @notice Answers transfers with nothing at all, as Tether's token does.
contract SilentToken {
    mapping(address account => uint256 balance) public balanceOf;
    mapping(address owner => mapping(address spender => uint256 amount)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Answers transfers with false once it is told to, and moves nothing.
contract FalseToken is TestToken {
    bool public refuses;

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

/// @notice Reverts transfers from and to the addresses that its issuer blocks.
contract BlockToken is TestToken {
    error AccountBlocked(address account);

    mapping(address account => bool blocked) public isBlocked;

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!isBlocked[from], AccountBlocked(from));
        require(!isBlocked[to], AccountBlocked(to));
        super._update(from, to, amount);
    }
}

/// @notice Keeps shares and shows balances, all of which grow or shrink at once.
contract RebaseToken is TestToken {
    uint256 public factorWad = 1e18;

    function rebase(uint256 factorWad_) external {
        factorWad = factorWad_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * factorWad / 1e18;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount * 1e18 / factorWad);
    }
}

/// @notice Is written with other decimals than 18.
contract DecimalsToken is TestToken {
    uint8 internal immutable _decimals;

    constructor(uint8 decimals_) {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}

/// @notice Calls whoever asked for it before and after each transfer from or to it, as ERC-777 tokens do and worse.
contract CallbackToken is TestToken {
    mapping(address account => bool isCalled) public isCalled;

    function callMe() external {
        isCalled[msg.sender] = true;
    }

    function _update(address from, address to, uint256 amount) internal virtual override {
        _call(from);
        _call(to);
        super._update(from, to, amount);
        _call(from);
        _call(to);
    }

    function _call(address account) private {
        if (isCalled[account]) Puppet(account).onTransfer();
    }
}

/// @notice Does both: takes a fee and calls back.
contract FeeCallbackToken is CallbackToken, FeeToken {
    function _update(address from, address to, uint256 amount) internal override(CallbackToken, FeeToken) {
        super._update(from, to, amount);
    }
}
